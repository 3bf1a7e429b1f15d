# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What both drivers have in common. A driver loads kernels, keeps buffers and launches; only that of CUDA can time."""
import re
from dataclasses import dataclass

from manifest import BadInput, Kernel


class LaunchFailed(Exception):
    """A kernel did something that is not allowed; the text is that of the machine or of the emulator."""


@dataclass(frozen=True)
class Call:
    """A loaded kernel with all that a launch gives to it."""
    kernel: Kernel
    handle: object
    operands: list  # buffers of the driver
    results: list
    rows: int

    def grid(self) -> tuple:
        return self.kernel.geometry.grid(self.rows)

    def size_arguments(self) -> list:
        """Of the sizes of the launch; a dynamic one is the number of rows."""
        found = (self.kernel.operands[operand].shape[dimension] for operand, dimension in self.kernel.sizes)
        return [self.rows if size is None else size for size in found]


def check_target(target: str, major: int, minor: int, card: str) -> None:
    """Refuses kernels that a card of this compute capability cannot load."""
    parts = re.fullmatch(r"sm_(\d+)(\d)([af]?)", target)
    if not parts:
        raise BadInput(f"expected a target such as sm_90a in the package, but got '{target}'")
    wanted = int(parts[1]), int(parts[2])
    fits = (major, minor) == wanted if parts[3] else major == wanted[0] and minor >= wanted[1]
    if not fits:
        raise BadInput(f"expected a card of compute capability {wanted[0]}.{wanted[1]} for kernels of {target}, but got {major}.{minor} ({card})")
