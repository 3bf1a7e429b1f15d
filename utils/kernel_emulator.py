# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One kernel, compiled from its operation and run by qllm-emu on arrays of numpy."""
import json
import pathlib
import subprocess

import numpy as np
from kernel_text import launches, lower

# Of operands.
random = np.random.default_rng(0)


def parse_options(arguments: list, defaults: dict):
    """FOLDER OPTION=VALUE ..: the folder, which is made; the options, all of `defaults`; and other ones, as flags of qllm-emu. draw=NUMBER
    is for other operands than those of 0."""
    folder = pathlib.Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    given = dict(argument.split("=") for argument in arguments[1:])
    random.bit_generator.state = np.random.default_rng(int(given.pop("draw", 0))).bit_generator.state
    options = {key: given.pop(key, value) for key, value in defaults.items()}
    return folder, options, [f"--{key}={value}" for key, value in given.items()]


def tensor_map_of(geometry, operand: int, value: np.ndarray) -> dict:
    """The map that the operand goes by, if any, as a field of its argument."""
    return {"tensor_map": each.describe(value[0].nbytes, len(value)) for each in geometry.maps if each.operand == operand}


class Kernel:
    """Of a module with one, in a folder."""

    def __init__(self, folder: pathlib.Path, module: str, target: str):
        self.folder, self.target = folder, target
        (folder / "module.mlir").write_text(module)
        lowered = lower(module, target, "emulator")
        (folder / "kernel.mlir").write_text(lowered)
        launch, = launches(lowered)
        self.name, self.geometry = launch.kernel, launch.geometry[target]

    def run(self, rows: int, operands: dict, others: list, flags: list) -> int:
        """With arrays in the order of operands, and what else qllm-emu wants to know of them and of other arguments. The exit status of
        qllm-emu, which prints its report."""
        known = {name: each for each in others if (name := each["name"]) in operands}
        arguments = []
        for index, (name, value) in enumerate(operands.items()):
            np.save(self.folder / f"{name}.npy", value)
            arguments.append({"name": name, "input": f"{name}.npy", **tensor_map_of(self.geometry, index, value), **known.get(name, {})})
        arguments += [*(each for each in others if each["name"] not in known), {"name": "m", "value": rows}]
        (self.folder / "launch.json").write_text(json.dumps(
            {"kernel": self.name, "grid": self.geometry.grid(rows), "block": [self.geometry.threads], "shared": self.geometry.shared,
             "arguments": arguments}))
        command = ["qllm-emu", self.folder / "kernel.mlir", f"--launch={self.folder}/launch.json", f"--arch={self.target}", *flags]
        return subprocess.run(command, check=False).returncode

    def expect(self, name: str, kind: str, value: np.ndarray) -> dict:
        """A result that has to be equal to the bit."""
        np.save(self.folder / f"{name}.npy", value)
        return {"name": name, "type": kind, "shape": list(value.shape), "fill": 238, "expect": f"{name}.npy"}
