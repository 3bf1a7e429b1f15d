# Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Files made to take more time or memory than they should, and what a tool takes for one."""

import os
import pathlib
import resource
import subprocess
import threading
import time
from dataclasses import dataclass

import onnx
from onnx import TensorProto, helper

from translate import BUILD


@dataclass
class Outcome:
    code: int  # negative for a signal, as subprocess has it
    output: str
    errors: str
    seconds: float
    megabytes: float  # most that was resident


def measure(tool, *arguments, timeout=60, megabytes=4096, cwd=None):
    """Runs a tool of the build; a limit on anonymous memory ends what would take the machine."""

    def limit():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if "asan" not in BUILD.name:  # the sanitizer reserves far more than any limit
            resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))

    start = time.monotonic()
    process = subprocess.Popen([BUILD / "bin" / tool, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               cwd=cwd, preexec_fn=limit)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    errors = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))
    reader.start()
    output = process.stdout.read()
    reader.join()
    _, status, usage = os.wait4(process.pid, 0)
    timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Outcome(process.returncode, output.decode(errors="replace"), errors[0].decode(errors="replace"),
                   time.monotonic() - start, usage.ru_maxrss / 1024)


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
