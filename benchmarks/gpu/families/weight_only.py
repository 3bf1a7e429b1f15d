# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.weight_only_linear: f16 activations times integer weights."""
import re

import numpy as np
from kernel_codes import Format, shuffle

from families.family import INTEGERS, Cost, Family, Wanted

LAYOUTS = {4: "#qk.layout<16x64, n 8:1, k 4:2, n 2:8, k 2:32, k 2:1, k 2:16, k 2:8>",
           8: "#qk.layout<16x32, n 8:1, k 4:2, n 2:8, k 2:16, k 2:8, k 2:1>"}
CHUNK = 4096  # weights of as many outputs are in double at a time
MOST_BLOCKS = 1 << 16


class WeightOnly(Family):
    """y = x (w - z) s, with w of shape [n, k]; `group` is 0 for scales of whole channels, or their length; `blocks` of stream-K, or 0."""
    name = "weight_only_linear"
    fields = {"n": int, "k": int, "weight": INTEGERS, "group": int, "blocks": int}

    def __init__(self, problem: dict):
        self.n, self.k, self.group, self.blocks = (problem[key] for key in ("n", "k", "group", "blocks"))
        self.weight = Format(problem["weight"])
        self.bits = 4 if self.weight.bits <= 4 else 8
        self.length, self.weight_bytes = self.group or self.k, self.n * self.k * self.bits // 8
        kind = f"w{self.weight.bits}a16" + (f" g{self.group}" if self.group else "")
        kind += ("" if self.weight.signed else " zero points") + (" stream-K" if self.blocks else "")
        self.title = f"{kind} {self.n}x{self.k}"
        self.rotated = tuple(index for index, name in enumerate(self.types()) if name in "wsz")
        self.constants = None

    def types(self) -> dict:
        """Types of operands by name."""
        tile = 16 * (64 if self.bits == 4 else 32)
        packed = f"{-(-self.n // 16)}x{-(-self.k * 16 // tile)}x{tile * self.bits // 8}xi8"
        shape = (f"{self.k // self.group}x" if self.group else "") + f"{self.n}x"
        found = {"x": f"?x{self.k}xf16", "w": packed, "s": f"{shape}f16"}
        if not self.weight.signed:
            found["z"] = f"{shape}i8"
        if self.blocks:
            found["a"] = "?xi32"
        return {name: f"tensor<{each}>" for name, each in found.items()}

    def module(self, schedule):
        types, result = self.types(), f"tensor<?x{self.n}xf16>"
        zero, arrivals = (f" {clause}(%{name})" if name in types else "" for clause, name in (("zero_points", "z"), ("arrivals", "a")))
        results = f"({result}, tensor<?x{self.words(schedule)}xf32>, tensor<?xi32>)" if self.blocks else result
        arguments = ", ".join(f"%{name}: {each}" for name, each in types.items())
        return (f"func.func @linear({arguments}) -> {result} {{\n  %y{':3' if self.blocks else ''} = qk.weight_only_linear %x, %w "
                f"scales(%s){zero}{arrivals} format({self.weight.attribute}) schedule({schedule}) layout({LAYOUTS[self.bits]})\n"
                f"    : ({', '.join(types.values())}) -> {results}\n  return %y{'#0' if self.blocks else ''} : {result}\n}}\n")

    def words(self, schedule):
        """Those that parts of tiles take for each row."""
        columns = int(re.search(r"tile = \[\d+, (\d+),", schedule)[1])
        return self.blocks * columns * (2 if self.blocks % -(-self.n // columns) else 1)

    def operands(self, random, rows):
        if self.constants is None:
            codes = self.weight.random(random, self.n, self.k)
            shape = (self.k // self.length, self.n)
            scales = random.uniform(0.001, 0.01, shape).astype(np.float16)
            zero = random.integers(0, 1 << self.weight.bits, shape).astype(np.int8) * np.int8(not self.weight.signed)
            self.constants = {"codes": codes, "w": shuffle(codes, LAYOUTS[self.bits], self.bits), "s": scales, "z": zero}
        found = {**self.constants, "x": random.standard_normal((rows, self.k), np.float32).astype(np.float16),
                 "a": np.zeros(MOST_BLOCKS, np.int32)}
        return [found[name] if self.group or name not in "sz" else found[name][0] for name in self.types()]

    def expected(self, operands, rows, columns):
        inputs = operands[0][rows].astype(np.float64)
        chunks = [columns[first:first + CHUNK] for first in range(0, len(columns), CHUNK)]
        products = [(inputs @ real.T, np.abs(inputs) @ np.abs(real).T) for real in map(self.weights, chunks)]
        values, magnitude = (np.concatenate(parts, axis=1) for parts in zip(*products))
        # A tensor instruction for 16 of k cuts what is below 2^-24 of its greatest term; sums of random signs stay far below their magnitudes.
        allowed = (self.k / 16 + 8) * 2.0**-22 * magnitude
        return [Wanted(values, allowed + (np.abs(values) + allowed) * 2.0**-11 + 2.0**-25)]

    def weights(self, columns):
        spread = lambda values: np.repeat(values[:, columns].astype(np.float64), self.length, 0).T  # noqa: E731
        return (self.constants["codes"][columns] - spread(self.constants["z"])) * spread(self.constants["s"])

    def cost(self, rows, native_int4):
        bits = rows * self.k * 16 + self.n * self.k * self.weight.bits + rows * self.n * 16
        groups = self.k // self.length * (2 if self.weight.signed else 3)
        return Cost(bits // 8 + groups * self.n, 2 * rows * self.n * self.k, "bf16")

    def peers(self, rows):
        return [("bf16", (rows, self.n, self.k))]
