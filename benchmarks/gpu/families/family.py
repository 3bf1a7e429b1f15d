# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The interface of a family, and what several of them need."""
from dataclasses import dataclass

import numpy as np

INTEGERS = tuple(f"{sign}int{bits}" for sign in ("", "u") for bits in range(2, 9))  # formats of codes


@dataclass(frozen=True)
class Cost:
    """What a launch cannot avoid: bytes of memory that it touches, and operations of tensor cores of a kind."""
    memory: int
    operations: int
    kind: str  # "int4", "int8", "bf16" or "fp4", as in the table of cards


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


@dataclass(frozen=True)
class Wanted:
    """What elements of a result should be: equal to the bit, or with `allowed` that near to the `values`; `decode` makes
    numbers of elements, several along one more axis if there are several in one."""
    values: np.ndarray
    allowed: object = None
    decode: object = None

    def wrong(self, found: np.ndarray) -> np.ndarray:
        """Which elements are not as they should be."""
        if self.allowed is None:
            bits = f"u{found.dtype.itemsize}"
            return found.view(bits) != self.values.view(bits)
        numbers = self.decode(found) if self.decode else found.astype(np.float64)
        wrong = ~(np.abs(numbers - self.values) <= self.allowed)
        return wrong.reshape(*found.shape, -1).any(-1)


class Family:
    """A kind of kernel on one problem, which is a dictionary that goes through the manifest.

    `title` names the problem, `base` the same without what is added to it, and `w8a8` the same shape with eight bits on both sides, if
    there are such: their times are compared. `weight_bytes` are those of a weight. `rotated` are the operands that an application reads
    once: their copies are rotated past the cache. `checked` are the results that are compared, or `in_place` is the operand that the
    kernel changes and that is compared in their place.
    """
    name = ""
    fields, optional = {}, {}  # of a problem: int, bool, or the words that it may be
    title = ""
    base = ""
    w8a8 = ""
    weight_bytes = 0
    rotated = ()
    checked = (0,)
    in_place = None

    def module(self, schedule: str) -> str:
        """The MLIR of the kernel with a schedule."""
        raise NotImplementedError

    def operands(self, random, rows: int) -> list:
        """Arrays in the order of the kernel's operands. What does not depend on rows is made once."""
        raise NotImplementedError

    def merge(self, found: list, rows: np.ndarray) -> list:
        """What is compared, of the checked results as they are in these rows."""
        del rows
        return found

    def expected(self, operands: list, rows: np.ndarray, columns: np.ndarray) -> list:
        """What is Wanted of each result that `merge` gives, for operands made last, in these rows: of the first in these columns, of
        others in all."""
        raise NotImplementedError

    def expected_in_place(self, operands: list) -> Wanted:
        """What is wanted of the operand that is changed in place, after these."""
        raise NotImplementedError

    def cost(self, rows: int, native_int4: bool) -> Cost:
        raise NotImplementedError

    def peers(self, rows: int) -> list:
        """(name, arguments) of the peers that solve the same problem, as `peers.Peers` knows them."""
        raise NotImplementedError
