# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The emulator in place of a card: buffers are files, a launch is a run of qllm-emu, found on the path, with every check."""
import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from driver import Call, LaunchFailed
from manifest import BadInput, Kernel, Package


@dataclass(frozen=True)
class Buffer:
    path: Path
    size: int


class EmulatorDriver:
    """Keeps everything in a temporary folder that goes with it."""
    can_time = False
    card, version = "emulator", "none"
    multiprocessors = cache_bytes = 0

    def __init__(self, target: str):
        if not shutil.which("qllm-emu"):
            raise BadInput("expected qllm-emu on the path")
        self.target = target
        self.room = tempfile.TemporaryDirectory()
        self.count = 0

    def new_file(self, content: bytes) -> Path:
        self.count += 1
        path = Path(self.room.name) / f"{self.count}.bin"
        path.write_bytes(content)
        return path

    def load(self, package: Package, kernel: Kernel) -> Path:
        return self.new_file(package.read_code(kernel, "emulator"))

    def take_notes(self) -> list:
        return []

    def allocate(self, size: int, fill: int = 0) -> Buffer:
        return Buffer(self.new_file(bytes([fill]) * size), size)

    def upload(self, array: np.ndarray) -> Buffer:
        return Buffer(self.new_file(array.tobytes()), array.nbytes)

    def copy(self, buffer: Buffer) -> Buffer:
        return Buffer(self.new_file(buffer.path.read_bytes()), buffer.size)

    def download(self, buffer: Buffer, first: int, size: int) -> bytes:
        return buffer.path.read_bytes()[first:first + size]

    def free(self, *buffers: Buffer) -> None:
        for buffer in buffers:
            buffer.path.unlink()

    def prepare(self, call: Call) -> Call:
        return call

    def launch(self, launch: Call) -> None:
        maps = {each.operand: each for each in launch.kernel.geometry.maps}
        arguments = []
        for index, buffer in enumerate(launch.operands + launch.results):
            arguments.append({"name": f"argument {index}", "input": str(buffer.path)})
            if index >= len(launch.operands) or index in launch.kernel.written:
                arguments[-1]["output"] = str(buffer.path)
            if index in maps:
                tensor = launch.kernel.operands[index]
                arguments[-1]["tensor_map"] = maps[index].describe(tensor.row_bytes(), launch.rows if tensor.shape[0] is None else tensor.shape[0])
        arguments += [{"value": size} for size in launch.size_arguments()]
        geometry = launch.kernel.geometry
        description = self.new_file(json.dumps({"kernel": launch.kernel.name, "grid": launch.grid(), "block": [geometry.threads],
                                                "shared": geometry.shared, "arguments": arguments}).encode())
        run = subprocess.run(["qllm-emu", str(launch.handle), f"--launch={description}", f"--arch={self.target}", "--check=bounds,races"],
                             capture_output=True, text=True, check=False)
        if run.returncode:
            raise LaunchFailed((run.stderr or run.stdout).strip())

    def synchronise(self) -> None:
        """A launch has ended when it returns."""
