# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files made to take more time or memory than they should, and what a tool takes for one."""

import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper

from translate import BUILD

WATCHER = pathlib.Path(__file__).resolve().parents[3] / "utils" / "measure.py"


@dataclass
class Outcome:
    code: int  # negative for a signal, as subprocess has it
    output: str
    errors: str
    seconds: float  # of processor time: others use the machine too
    megabytes: float  # most that was resident


def measure(tool, *arguments, timeout=60, megabytes=4096, cwd=None):
    """Runs a tool of the build; a limit on anonymous memory ends what would take the machine."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if "asan" not in BUILD.name:  # the sanitizer reserves far more than any limit
            resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

    with tempfile.NamedTemporaryFile("r") as report:
        # A small process in between: Linux counts the peak of the one that forks into that of the program it executes.
        watcher = [sys.executable, "-I", "-S", WATCHER, report.name]
        process = subprocess.Popen([*watcher, BUILD / "bin" / tool, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=cwd, preexec_fn=limit, start_new_session=True)
        timer = threading.Timer(timeout, os.killpg, [process.pid, signal.SIGKILL])
        timer.start()
        output, errors = process.communicate()
        timer.cancel()
        cost = json.loads(report.read() or "null") or {"cpu": timeout, "peak": 0}
    code = process.returncode
    return Outcome(128 - code if code > 128 else code, output.decode(errors="replace"), errors.decode(errors="replace"), cost["cpu"],
                   cost["peak"] / 2**20)


def field(number, payload):
    """A length-delimited field of protobuf's wire format."""
    tag, size, out = number << 3 | 2, len(payload), b""
    for value in (tag, size):
        while value >= 0x80:
            out += bytes([value & 0x7F | 0x80])
            value >>= 7
        out += bytes([value])
    return out + payload


def model_bytes(graph, rest=b""):
    return b"\x08\x08" + field(8, b"\x10\x12") + field(7, graph) + rest


def empty_nodes(count):
    """Two bytes each."""
    return model_bytes(field(1, b"") * count)


def chain(count):
    """A model of `count` nodes in a row."""
    nodes = [helper.make_node("Relu", [f"v{i}"], [f"v{i + 1}"]) for i in range(count)]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("v0", TensorProto.FLOAT, [2])], [value(f"v{count}", TensorProto.FLOAT, [2])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def sparse_external(folder, gibibytes):
    """A model in `folder` with one weight in a file that takes no disk."""
    with open(pathlib.Path(folder) / "w.bin", "wb") as data:
        data.truncate(gibibytes << 30)
    elements = (gibibytes << 30) // 4
    weight = TensorProto(name="w", dims=[elements], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="w.bin")
    value = helper.make_tensor_value_info
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], "g", [value("x", TensorProto.FLOAT, [elements])],
                              [value("y", TensorProto.FLOAT, [elements])], [weight])
    path = pathlib.Path(folder) / "sparse.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)
    return path


def nested_regions(depth):
    return b"module {" * depth + b"}" * depth


def long_literal(digits):
    return b"module attributes {a.b = " + b"9" * digits + b" : i64} {}\n"


def alias_bomb(levels):
    """Each alias names the one before four times."""
    text = "#a0 = [1, 2, 3]\n"
    for i in range(1, levels):
        text += f"#a{i} = [{', '.join([f'#a{i - 1}'] * 4)}]\n"
    return (text + f"module attributes {{a.b = #a{levels - 1}}} {{}}\n").encode()
