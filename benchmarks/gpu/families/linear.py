# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.linear: integer codes times integer codes, exact, with zero points where formats are unsigned."""
import numpy as np
from kernel_codes import LAYOUT, Format, shuffle

from families.family import Cost, Family, Wanted

CHUNK = 4096  # weights of as many outputs are in double at a time


class Linear(Family):
    """y = sx sw ((x - zx) (w - zw)), with w of shape [n, k]; `group` is 0 for scales of whole channels, or their length."""
    name = "linear"

    def __init__(self, problem: dict):
        self.n, self.k, self.group = problem["n"], problem["k"], problem["group"]
        self.input, self.weight = Format(problem["input"]), Format(problem["weight"])
        self.shuffled = self.input.bits > 4 >= self.weight.bits
        self.groups = self.k // self.group if self.group else 1
        kind = f"w{self.weight.bits}a{self.input.bits}" + (f" g{self.group}" if self.group else "")
        kind += "" if self.input.signed and self.weight.signed else " zero points"
        self.title = f"{kind} {self.n}x{self.k}"
        self.rotated = tuple(index for index, (name, _) in enumerate(self.types()) if name in ("w", "t", "sums", "zw"))
        self.constants = None

    def types(self) -> list:
        """Name and type of each operand."""
        packed = f"{-(-self.n // 16)}x{-(-self.k // 64)}x512xi8" if self.shuffled else f"{self.n}x{self.k}x{self.weight.storage}"
        found = [("x", f"?x{self.k}x{self.input.storage}"), ("w", packed), ("s", "?xf32"),
                 ("t", (f"{self.groups}x" if self.group else "") + f"{self.n}xf32")]
        if not self.input.signed:
            found += [("zx", "?xi32"), ("sums", f"{self.n}x{'f32' if self.group else 'i32'}")]
        if not self.weight.signed:
            found += [("zw", f"{self.n}xui8"), ("xsums", "?xi32")]
        return [(name, f"tensor<{each}>") for name, each in found]

    def module(self, schedule):
        result = f"tensor<?x{self.n}xf16>"
        zero = "" if self.input.signed else " zero_points(%zx, %sums)"
        zero += "" if self.weight.signed else " weight_zero_points(%zw, %xsums)"
        layout = f" layout({LAYOUT})" if self.shuffled else ""
        arguments = ", ".join(f"%{name}: {each}" for name, each in self.types())
        return (f"func.func @linear({arguments}) -> {result} {{\n  %y = qk.linear %x, %w scales(%s, %t){zero} "
                f"formats({self.input.attribute}, {self.weight.attribute}) schedule({schedule}){layout}\n"
                f"    : ({', '.join(each for _, each in self.types())}) -> {result}\n  return %y : {result}\n}}\n")

    def operands(self, random, rows):
        if self.constants is None:
            self.constants = self.make_constants(random)
        self.inputs = self.input.random(random, rows, self.k)
        # Small enough that every sum fits f16.
        found = {"x": self.input.pack(self.inputs), "s": random.uniform(0.001, 0.01, rows).astype(np.float32)}
        if not self.input.signed:
            found["zx"] = random.integers(0, 1 << self.input.bits, rows).astype(np.int32)
        if not self.weight.signed:
            found["xsums"] = self.inputs.sum(1, dtype=np.int32)
        found.update(self.constants)
        return [found[name] for name, _ in self.types()]

    def make_constants(self, random) -> dict:
        codes = self.weight.random(random, self.n, self.k)
        scales = random.uniform(1e-4, 1e-3, (self.groups, self.n)).astype(np.float32)
        found = {"codes": codes, "w": shuffle(codes) if self.shuffled else self.weight.pack(codes), "t": scales if self.group else scales[0]}
        if not self.input.signed:
            found["sums"] = self.sum_groups(codes, scales) if self.group else codes.sum(1, dtype=np.int32)
        if not self.weight.signed:
            found["zw"] = random.integers(0, 1 << self.weight.bits, self.n).astype(np.uint8)
        return found

    def sum_groups(self, codes, scales):
        """Sums of scaled codes in f32, one group after the other."""
        total = np.zeros(self.n, np.float32)
        for group, scale in enumerate(scales):
            total += scale * codes[:, group * self.group:(group + 1) * self.group].sum(1).astype(np.float32)
        return total

    def expected(self, operands, rows, columns):
        named = dict(zip((name for name, _ in self.types()), operands))
        zero = named["zx"][rows][:, None] if "zx" in named else np.zeros((1, 1))
        inputs = self.inputs[rows].astype(np.float64)
        scales, row_scales = self.constants["t"], named["s"][rows][:, None]
        chunks = [columns[first:first + CHUNK] for first in range(0, len(columns), CHUNK)]
        if not self.group:
            total = np.concatenate([(inputs - zero) @ self.weights(chunk).T for chunk in chunks], axis=1).astype(np.float32)
            return [Wanted((total * (row_scales * scales[columns])).astype(np.float16))]
        total = np.concatenate([self.grouped(inputs, self.weights(chunk), scales[:, chunk]) for chunk in chunks], axis=1)
        if "zx" in named:
            total -= zero.astype(np.float32) * named["sums"][columns]
        return [Wanted((total * row_scales).astype(np.float16))]

    def weights(self, columns):
        """Codes without their zero points, in double, where sums of their products are exact: they stay below 2^53."""
        zero = self.constants["zw"][columns].astype(np.float64)[:, None] if "zw" in self.constants else 0
        return self.constants["codes"][columns] - np.float64(zero)

    def grouped(self, inputs, weights, scales):
        total = np.zeros((len(inputs), len(weights)), np.float32)
        for group, scale in enumerate(scales):
            part = slice(group * self.group, (group + 1) * self.group)
            # A fused multiply-add: the product is exact in double.
            total = (inputs[:, part] @ weights[:, part].T * scale + total).astype(np.float32)
        return total

    def cost(self, rows, native_int4):
        bits = rows * self.k * self.input.bits + self.n * self.k * self.weight.bits + rows * self.n * 16
        memory = bits // 8 + 4 * (rows + self.groups * self.n)
        kind = "int4" if native_int4 and self.input.bits == 4 else "int8"
        return Cost(memory, 2 * rows * self.n * self.k, kind)

    def peers(self, rows):
        return [("bf16", (rows, self.n, self.k)), ("int8", (rows, self.n, self.k))]
