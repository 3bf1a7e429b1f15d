# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.linear: integer codes times integer codes, symmetric, exact."""
import numpy as np
from kernel_codes import LAYOUT, Format, shuffle

from families.family import Cost, Family

CHUNK = 4096  # weights of as many outputs are in double at a time


class Linear(Family):
    """y = sx sw (x w), with w of shape [n, k]; `group` is 0 for scales of whole channels."""
    name = "linear"
    rotated = (1, 3)

    def __init__(self, problem: dict):
        self.n, self.k, self.group = problem["n"], problem["k"], problem["group"]
        self.input, self.weight = Format(problem["input"]), Format(problem["weight"])
        self.shuffled = self.input.bits > 4 >= self.weight.bits
        self.groups = self.k // self.group if self.group else 1
        scales = f"w{self.weight.bits}a{self.input.bits}" + (f" g{self.group}" if self.group else "")
        self.title = f"{scales} {self.n}x{self.k}"
        self.constants = None

    def module(self, schedule):
        packed = f"{-(-self.n // 16)}x{-(-self.k // 64)}x512xi8" if self.shuffled else f"{self.n}x{self.k}x{self.weight.storage}"
        scales = (f"{self.groups}x" if self.group else "") + f"{self.n}xf32"
        types = [f"tensor<{each}>" for each in (f"?x{self.k}x{self.input.storage}", packed, "?xf32", scales)]
        result = f"tensor<?x{self.n}xf16>"
        layout = f" layout({LAYOUT})" if self.shuffled else ""
        arguments = ", ".join(f"%{name}: {each}" for name, each in zip("xwst", types))
        return (f"func.func @linear({arguments}) -> {result} {{\n"
                f"  %y = qk.linear %x, %w scales(%s, %t) formats({self.input.attribute}, {self.weight.attribute}) schedule({schedule}){layout}\n"
                f"    : ({', '.join(types)}) -> {result}\n  return %y : {result}\n}}\n")

    def operands(self, random, rows):
        if self.constants is None:
            codes = self.weight.random(random, self.n, self.k)
            scales = random.uniform(1e-4, 1e-3, (self.groups, self.n)).astype(np.float32)
            self.constants = codes, shuffle(codes) if self.shuffled else self.weight.pack(codes), scales
        self.inputs = self.input.random(random, rows, self.k)
        _, packed, scales = self.constants
        # Small enough that every sum fits f16.
        input_scales = random.uniform(0.001, 0.01, rows).astype(np.float32)
        return [self.input.pack(self.inputs), packed, input_scales, scales if self.group else scales[0]]

    def expected(self, operands, rows, columns):
        codes, _, scales = self.constants
        inputs = self.inputs[rows].astype(np.float64)
        chunks = [columns[first:first + CHUNK] for first in range(0, len(columns), CHUNK)]
        total = np.concatenate([self.sums(inputs, codes[chunk], scales[:, chunk]) for chunk in chunks], axis=1)
        row_scales = operands[2][rows][:, None]
        return (total * (row_scales if self.group else row_scales * scales[0][columns])).astype(np.float16)

    def sums(self, inputs, codes, scales):
        """Sums in f32. Those of codes are exact in double, whose products and sums stay below 2^53."""
        if not self.group:
            return (inputs @ codes.T.astype(np.float64)).astype(np.float32)
        total = np.zeros((len(inputs), len(codes)), np.float32)
        for group, scale in enumerate(scales):
            part = slice(group * self.group, (group + 1) * self.group)
            # A fused multiply-add: the product is exact in double.
            total = (inputs[:, part] @ codes[:, part].T.astype(np.float64) * scale + total).astype(np.float32)
        return total

    def cost(self, rows, native_int4):
        bits = rows * self.k * self.input.bits + self.n * self.k * self.weight.bits + rows * self.n * 16
        memory = bits // 8 + 4 * (rows + self.groups * self.n)
        kind = "int4" if native_int4 and self.input.bits == 4 else "int8"
        return Cost(memory, 2 * rows * self.n * self.k, kind)

    def peers(self, rows):
        return [("bf16", (rows, self.n, self.k)), ("int8", (rows, self.n, self.k))]
