# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.quantize: f16 activations to codes, one scale a row, after a residual, an RMSNorm, and without a principal part."""
import numpy as np
from kernel_codes import Format
from kernel_principal import PrincipalPart

from families.family import Cost, Family, Wanted

EPSILON = 1.0e-5
# Sums of rows have an order of their own, and the square root is approximate: relative to a value.
NORM_ERROR = 40 * 2.0**-24


class Quantize(Family):
    """Rows of `columns` elements; `norm` and `residual` are true or false. With a residual the sum is a result too. `principal` is the
    number of directions that are taken off rows, 0 if it is left out; their codes and scales are results."""
    name = "quantize"

    def __init__(self, problem: dict):
        self.columns, self.norm, self.residual = problem["columns"], problem["norm"], problem["residual"]
        self.format = Format(problem["format"])
        self.rank = problem.get("principal", 0)
        self.checked = tuple(range(2 + self.residual + 2 * bool(self.rank)))
        before = " residual" * self.residual + " rms" * self.norm + (f" principal {self.rank}" if self.rank else "")
        self.title = f"a{self.format.bits}{before} {self.columns}"
        if self.rank:
            self.base = Quantize({**problem, "principal": 0}).title
        self.weight = self.part = None

    def module(self, schedule):
        matrix, vector = f"tensor<?x{self.columns}xf16>", f"tensor<{self.columns}xf16>"
        types, clauses, results = {"x": matrix}, "", f"tensor<?x{self.columns}x{self.format.storage}>, tensor<?xf32>"
        if self.residual:
            types["r"], clauses, results = matrix, "residual(%r) ", f"{results} stream {matrix}"
        if self.norm:
            types["w"], clauses = vector, f"{clauses}norm rms(%w) epsilon {EPSILON:.1e} "
        if self.rank:
            types |= zip(("p", "pt", "sp"), PrincipalPart.types(self.rank, self.columns))
            clauses, results = f"{clauses}principal(%p, %pt, %sp) ", f"{results} principal tensor<?x{self.rank}xi8>, tensor<?xf32>"
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in types.items())
        return (f"func.func @quantize({arguments}) {{\n  %0:{len(self.checked)} = qk.quantize %x {clauses}format({self.format.attribute})\n"
                f"    : ({', '.join(types.values())}) -> {results}\n  return\n}}\n")

    def operands(self, random, rows):
        if self.weight is None:
            self.weight = random.uniform(0.5, 1.5, self.columns).astype(np.float16)
            self.part = PrincipalPart.draw(random, self.rank, self.columns) if self.rank else None
        draw = lambda: random.standard_normal((rows, self.columns), np.float32)  # noqa: E731
        x = draw()
        if self.part:  # as much of a row as the rest
            share = random.standard_normal((rows, self.rank), np.float32) * np.float32(np.sqrt(self.columns / self.rank))
            x += share @ self.part.directions().astype(np.float32)
        found = [x.astype(np.float16)] + ([draw().astype(np.float16)] if self.residual else []) + ([self.weight] if self.norm else [])
        return found + (self.part.operands() if self.part else [])

    def expected(self, operands, rows, columns):
        """Codes, which are next to their values, scales, the sum, and the principal part."""
        values = operands[0][rows].astype(np.float32)
        if self.residual:
            values = (values + operands[1][rows].astype(np.float32)).astype(np.float16).astype(np.float32)
        row = values.astype(np.float64)
        if self.norm:
            row = row / np.sqrt((row * row).mean(1, keepdims=True) + EPSILON) * self.weight.astype(np.float64)
        error = NORM_ERROR if self.norm else 2.0**-23
        row, slack, behind = self.take_off(row, error) if self.part else (row, np.zeros_like(row), [])
        limit = (1 << self.format.bits - 1) - 1
        scales = np.maximum((np.abs(row).max(1, keepdims=True) / limit).astype(np.float32), np.float32(1e-8))
        steps, largest = np.clip(row / scales, -limit - 1, limit), slack.max(1, keepdims=True)
        steps, allowed = (self.format.spread(each)[:, columns] for each in (steps, 0.5 + 256 * error + (slack + largest) / scales))
        found = [Wanted(steps, allowed, self.format.unpack), Wanted(scales.astype(np.float64), scales * error + largest / limit)]
        return found + [Wanted(values.astype(np.float16))] * self.residual + behind

    def take_off(self, row, error):
        """Rows whose elements are within this relative error, without their principal part; how far from those the kernel's may be; and
        the codes of the part, next to their values, with scales."""
        distances = np.abs(self.part.directions())
        products, bound = self.part.project(row)
        bound += error * np.abs(row) @ distances.T
        scales = self.part.scales_of(products)[:, None]
        scale_bound = bound.max(1, keepdims=True) / 127 + scales * 2.0**-22
        steps, step_bound = products / scales, (bound + 127 * scale_bound) / scales + 2.0**-16
        codes = np.rint(steps)
        rest, slack = self.part.take_off(row, codes * scales)
        # A code next to the middle between two may be the other one.
        others = np.abs(steps - codes) >= 0.5 - step_bound
        slack += error * np.abs(row) + (others * scales + np.abs(codes) * scale_bound) @ distances
        return rest, slack, [Wanted(steps, 0.5 + step_bound), Wanted(scales, scale_bound)]

    def cost(self, rows, native_int4):
        matrices = 1 + 2 * self.residual
        row = matrices * self.columns * 2 + self.columns * self.format.bits // 8 + 4 + (self.rank + 4 if self.rank else 0)
        return Cost(rows * row + 2 * self.rank * self.columns, 4 * rows * self.rank * self.columns, "int8")

    def peers(self, rows):
        return []
