# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One problem on one driver: its operands on the card, results against the reference, and launches to be timed."""
import math

import numpy as np
from driver import Call
from kernel_text import TensorType
from manifest import BadInput, Entry, Kernel, Package

from families import find_subject
from families.family import Check, Wanted

FILL = 0xEE  # bytes of results that a kernel has left out
SPOT_ROWS, SPOT_COLUMNS = 8, 1024
# As elements are downloaded: bf16 as its bits, half bytes two at a time.
TYPES = {"f16": np.float16, "f32": np.float32, "i32": np.int32, "i8": np.int8, "ui8": np.uint8, "bf16": np.uint16, "i4": np.uint8, "ui4": np.uint8,
         "f4E2M1FN": np.uint8, "f8E4M3FN": np.uint8, "f8E8M0FNU": np.uint8}


class Trial:
    """The problem of an entry. What does not depend on the number of rows is uploaded once."""

    def __init__(self, driver, package: Package, entry: Entry, seed: int = 0):
        self.driver, self.package = driver, package
        self.family = find_subject(entry.family, entry.problem)
        self.title = entry.title
        self.base, self.w8a8 = (f"{entry.family} {each}" if each else "" for each in (self.family.base, self.family.w8a8))
        self.random = np.random.default_rng(seed)
        self.arrays, self.rows = [], 0
        self.buffers = []
        self.wanted = None  # the whole result for the operands made last
        self.copies = {}  # of an operand to its buffers, the first of which is in `buffers` too

    def use_rows(self, rows: int) -> None:
        """Makes the operands for a number of rows, unless they are there."""
        if rows == self.rows:
            return
        self.driver.free(*(buffer for index, buffer in enumerate(self.buffers) if index not in self.family.rotated))
        try:
            self.arrays, self.rows, self.wanted = self.family.operands(self.random, rows), rows, None
        except (ValueError, ArithmeticError) as error:  # sizes that do not fit each other
            raise BadInput(f"the problem has no operands: {error}") from error
        for index in self.family.rotated:
            self.copies.setdefault(index, [])
            if not self.copies[index]:
                self.copies[index].append(self.driver.upload(self.arrays[index]))
        self.buffers = [self.copies[index][0] if index in self.family.rotated else self.driver.upload(array)
                        for index, array in enumerate(self.arrays)]

    def call(self, kernel: Kernel, handle, rows: int) -> Call:
        """A launch on the first copies, with results of its own."""
        self.use_rows(rows)
        results = [self.driver.allocate(each.bytes(rows), FILL) for each in kernel.results]
        return Call(kernel, handle, list(self.buffers), results, rows)

    def rotate(self, call: Call, bytes_between: int) -> list:
        """The call on copies of the rotated operands, as many that this many bytes lie between two uses of one."""
        rotated = self.family.rotated
        size = sum(self.buffers[index].size for index in rotated)
        count = max(1, -(-bytes_between // size)) if size else 1
        for index in rotated:
            self.copies[index] += [self.driver.copy(self.copies[index][0]) for _ in range(count - len(self.copies[index]))]
        return [Call(call.kernel, call.handle, [self.copies[index][turn] if index in rotated else buffer
                                                for index, buffer in enumerate(call.operands)], call.results, call.rows) for turn in range(count)]

    def check(self, call: Call, all_of_it: bool) -> Check:
        """Compares the results of a launch that has ended: all of them, or spots with both ends."""
        if self.family.in_place is not None:
            return self.check_in_place(call)
        width = self.row_elements(call.kernel.results[self.family.checked[0]])
        rows, columns = (np.arange(size) if all_of_it else self.spots(size, most) for size, most in
                         ((call.rows, SPOT_ROWS), (width, SPOT_COLUMNS)))
        wanted = self.wanted if all_of_it else None
        if wanted is None:
            wanted = self.family.expected(self.arrays, rows, columns)
        if all_of_it:
            self.wanted = wanted
        check = Check(0, 0)
        found = self.family.merge([self.download_rows(call, index, rows) for index in self.family.checked], rows)
        for turn, each in enumerate(found):
            chosen = np.arange(each.shape[1]) if turn else columns
            check += compare(each[:, chosen], wanted[turn], rows, chosen)
        return check

    def check_in_place(self, call: Call) -> Check:
        """Compares an operand that was changed, all of it."""
        if self.wanted is None:
            self.wanted = self.family.expected_in_place(self.arrays)
        buffer, before = call.operands[self.family.in_place], self.arrays[self.family.in_place]
        found = np.frombuffer(self.driver.download(buffer, 0, before.nbytes), before.dtype)
        flat = (-1, before.shape[-1])
        wanted = Wanted(self.wanted.values.reshape(flat))
        return compare(found.reshape(flat), wanted, np.arange(len(wanted.values)), np.arange(before.shape[-1]))

    def row_elements(self, result) -> int:
        """Elements that belong to a row without a break, as they are downloaded."""
        inner = TensorType(result.element, (1, *result.shape[result.shape.index(None) + 1:]))
        return inner.bytes(1) // np.dtype(TYPES[result.element]).itemsize

    def download_rows(self, call: Call, index: int, rows: np.ndarray) -> np.ndarray:
        """What the result has of each row, or of the rows that it is together with, in the order of the dimensions before that of rows."""
        result = call.kernel.results[index]
        kind = np.dtype(TYPES[result.element])
        size, layers = self.row_elements(result) * kind.itemsize, math.prod(result.shape[:result.shape.index(None)])
        count = -(-call.rows // result.rows_each)
        content = [b"".join(self.driver.download(call.results[index], (layer * count + int(row) // result.rows_each) * size, size)
                            for layer in range(layers)) for row in rows]
        return np.stack([np.frombuffer(row, kind) for row in content])

    def spots(self, size: int, most: int) -> np.ndarray:
        """Different indices in order, the first and the last among them."""
        return np.unique(np.append(self.random.integers(0, size, most - 2), [0, size - 1]))

    def release(self) -> None:
        kept = [buffer for copies in self.copies.values() for buffer in copies]
        self.driver.free(*kept, *(buffer for index, buffer in enumerate(self.buffers) if index not in self.family.rotated))


def compare(found: np.ndarray, wanted: Wanted, rows: np.ndarray, columns: np.ndarray) -> Check:
    wrong = wanted.wrong(found)
    if not wrong.any():
        return Check(found.size, 0)
    row, column, *_ = np.argwhere(wrong)[0]
    text = f"[{rows[row]}, {columns[column]}]: expected {wanted.values[row, column]}, but got {found[row, column]}"
    return Check(found.size, int(wrong.sum()), text)
