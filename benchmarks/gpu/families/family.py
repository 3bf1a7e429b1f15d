# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interface of a family, and what several of them need."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Cost:
    """What a launch cannot avoid: bytes of memory that it touches, and operations of tensor cores of a kind."""
    memory: int
    operations: int
    kind: str  # "int4", "int8" or "bf16", as in the table of cards


@dataclass(frozen=True)
class Check:
    """How many elements were compared, how many are wrong, and the first of those."""
    compared: int
    wrong: int
    first: str = ""

    def __add__(self, other: "Check") -> "Check":
        return Check(self.compared + other.compared, self.wrong + other.wrong, self.first or other.first)

    def __str__(self):
        return f"{self.wrong} of {self.compared} wrong, first {self.first}" if self.wrong else f"{self.compared} right"


class Family:
    """A kind of kernel on one problem, which is a dictionary that goes through the manifest.

    `title` names the problem. `rotated` are the operands that an application reads once: their copies are rotated past the cache.
    `checked` are the results that are compared.
    """
    name = ""
    title = ""
    rotated = ()
    checked = (0,)

    def module(self, schedule: str) -> str:
        """The MLIR of the kernel with a schedule."""
        raise NotImplementedError

    def operands(self, random, rows: int) -> list:
        """Arrays in the order of the kernel's operands. What does not depend on rows is made once."""
        raise NotImplementedError

    def expected(self, operands: list, rows: np.ndarray, columns: np.ndarray) -> list:
        """Of each of the checked results, for operands made last, these rows in the result's type: of the first these columns, of
        others all."""
        raise NotImplementedError

    def compare(self, index: int, found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """Which elements of checked result `index` are wrong: those that are not equal to the bit, unless a family knows better."""
        bits = f"u{found.dtype.itemsize}"
        return found.view(bits) != wanted.view(bits)

    def cost(self, rows: int, native_int4: bool) -> Cost:
        raise NotImplementedError

    def peers(self, rows: int) -> list:
        """(name, arguments) of the peers that solve the same problem, as `peers.Peers` knows them."""
        raise NotImplementedError


def nearest_bf16(values: np.ndarray) -> np.ndarray:
    """f32 as the 16 bits of the nearest bf16, ties to even; NaN is not expected."""
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
