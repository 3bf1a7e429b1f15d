#!/usr/bin/env python3
# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Quantizes a sparse model that is larger than memory, and measures how much of it the tool takes: at most twice the largest
layer and 1 GiB. The model is a chain of products whose weights are holes of a file, but for one row of each.

    large.py [--gib 48] [--layer-mib 512] [--limit-gib 4] [--options=--weight-bits=4 ...]
"""
import argparse
import os
import re
import resource
import sys
from pathlib import Path

import numpy as np
from onnx import ModelProto, TensorProto, helper, save

import runs

MIB, GIB = 1 << 20, 1 << 30
SETTINGS = {"weights in four bits": ["--weight-bits=4"], "W8A8": ["--weight-bits=8", "--activation-bits=8"]}


def write_model(path: Path, total: int, layer: int) -> int:
    """Square products of `layer` bytes, f32; returns how many."""
    width = int((layer // 4) ** 0.5) // 64 * 64
    size, count = width * width * 4, total // layer
    nodes, initializers = [], []
    with open(path.with_suffix(".data"), "wb") as data:
        data.truncate(count * size)
        for index in range(count):
            data.seek(index * size)
            data.write(np.linspace(-1, 1, width, dtype=np.float32).tobytes())
            tensor = TensorProto(name=f"w{index}", data_type=TensorProto.FLOAT, dims=[width, width], data_location=TensorProto.EXTERNAL)
            for key, value in {"location": path.with_suffix(".data").name, "offset": index * size, "length": size}.items():
                tensor.external_data.add(key=key, value=str(value))
            initializers.append(tensor)
            nodes.append(helper.make_node("MatMul", [f"x{index}", f"w{index}"], [f"x{index + 1}"], name=f"layer{index}"))
    shape = ["tokens", width]
    graph = helper.make_graph(nodes, "chain", [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info(f"x{count}", TensorProto.FLOAT, shape)], initializers)
    model: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    save(model, path)
    return count


class Group:
    """A control group (v1 or v2) with a memory limit that children are put into; none where there is no right to make one."""

    def __init__(self, limit: int):
        self.path = None
        for root, name in ((Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"), (Path("/sys/fs/cgroup"), "memory.max")):
            path = root / f"qllm-large-{os.getpid()}"
            try:
                path.mkdir()
                (path / name).write_text(str(limit))
                self.path = path
                return
            except OSError:
                if path.is_dir():
                    path.rmdir()

    def enter(self):
        if self.path:
            (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        if self.path:
            self.path.rmdir()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gib", type=float, default=48)
    parser.add_argument("--layer-mib", type=int, default=512)
    parser.add_argument("--limit-gib", type=float, default=4)
    parser.add_argument("--folder", type=Path, help="where there is room for twice the result")
    options = parser.parse_args()
    with runs.tempfile.TemporaryDirectory(prefix="qllm-large-", dir=options.folder) as name:
        folder = Path(name)
        count = write_model(folder / "model.onnx", int(options.gib * GIB), options.layer_mib * MIB)
        taken = os.stat(folder / "model.data").st_blocks * 512
        print(f"{count} layers of {options.layer_mib} MiB, {options.gib} GiB, {taken / MIB:.0f} MiB of them on disk")
        allowed = 2 * options.layer_mib * MIB + GIB
        group = Group(int(options.limit_gib * GIB))
        print(f"limit of {options.limit_gib} GiB by " + (f"control group {group.path}" if group.path else "RLIMIT_DATA"))

        def confine():
            group.enter()
            if not group.path:
                resource.setrlimit(resource.RLIMIT_DATA, (int(options.limit_gib * GIB),) * 2)

        for label, words in SETTINGS.items():
            run = runs.Run([str(runs.QLLM), "quantize", str(folder / "model.onnx"), "--recipe", "rtn", *words, "-o", str(folder / "out")],
                           preexec_fn=confine).check()
            peak = int(re.search(r"at most (\d+) MB of memory", run.stderr)[1]) * 1000000
            written = sum(path.stat().st_size for path in (folder / "out").iterdir())
            print(f"{label}: {peak / MIB:.0f} MiB of memory at most ({allowed / MIB:.0f} allowed), {written / GIB:.2f} GiB written, "
                  f"{run.processor_seconds:.0f} CPU seconds, {run.seconds:.0f} s", flush=True)
            most = min(allowed, int(options.limit_gib * GIB))
            if peak > most:
                sys.exit(f"expected at most {most} bytes of memory, but got {peak}")
            runs.shutil.rmtree(folder / "out")
        group.remove()


if __name__ == "__main__":
    main()
