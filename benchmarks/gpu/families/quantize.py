# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.quantize: f16 activations to codes, one scale a row, after a residual, an RMSNorm, and without a principal part."""
import numpy as np
from kernel_codes import Format
from kernel_principal import PrincipalPart

from families.family import INTEGERS, Cost, Family, Wanted
from families.rows import Rows


class Quantize(Family):
    """Rows as of families.rows. `principal` is the number of directions that are taken off them, 0 if it is left out; their codes and
    scales are results."""
    name = "quantize"
    fields = {"columns": int, "norm": bool, "residual": bool, "format": INTEGERS}
    optional = {"principal": int}

    def __init__(self, problem: dict):
        self.rows, self.format = Rows(problem), Format(problem["format"])
        self.columns = self.rows.columns
        self.rank = problem.get("principal", 0)
        self.checked = tuple(range(2 + self.rows.residual + 2 * bool(self.rank)))
        self.title = f"a{self.format.bits} {self.rows.title}{f'principal {self.rank} ' if self.rank else ''}{self.columns}"
        if self.rank:
            self.base = Quantize({**problem, "principal": 0}).title
        self.part = None

    def module(self, schedule):
        types, clauses, part = {}, f"format({self.format.attribute})", ""
        if self.rank:
            types = dict(zip(("p", "pt", "sp"), PrincipalPart.types(self.rank, self.columns)))
            clauses, part = f"principal(%p, %pt, %sp) {clauses}", f"principal tensor<?x{self.rank}xi8>, tensor<?xf32>"
        return self.rows.function("qk.quantize", types, clauses, f"tensor<?x{self.columns}x{self.format.storage}>, tensor<?xf32>", part)

    def operands(self, random, rows):
        if not self.rank:
            return self.rows.operands(random, rows)
        if self.part is None:
            self.part = PrincipalPart.draw(random, self.rank, self.columns)
        # As much of a row as the rest.
        share = random.standard_normal((rows, self.rank), np.float32) * np.float32(np.sqrt(self.columns / self.rank))
        return self.rows.operands(random, rows, share @ self.part.directions().astype(np.float32)) + self.part.operands()

    def expected(self, operands, rows, columns):
        """Codes, which are next to their values, scales, the sum, and the principal part."""
        stream, row = self.rows.values(operands, rows)
        error = self.rows.error
        row, slack, behind = self.take_off(row, error) if self.part else (row, np.zeros_like(row), [])
        limit = (1 << self.format.bits - 1) - 1
        scales = np.maximum((np.abs(row).max(1, keepdims=True) / limit).astype(np.float32), np.float32(1e-8))
        steps, largest = np.clip(row / scales, -limit - 1, limit), slack.max(1, keepdims=True)
        steps, allowed = (self.format.spread(each)[:, columns] for each in (steps, 0.5 + 256 * error + (slack + largest) / scales))
        found = [Wanted(steps, allowed, self.format.unpack), Wanted(scales.astype(np.float64), scales * error + largest / limit)]
        return found + [Wanted(stream)] * self.rows.residual + behind

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
        row = self.rows.bytes() + self.columns * self.format.bits // 8 + 4 + (self.rank + 4 if self.rank else 0)
        return Cost(rows * row + 2 * self.rank * self.columns, 4 * rows * self.rank * self.columns, "int8")

    def peers(self, rows):
        return []
