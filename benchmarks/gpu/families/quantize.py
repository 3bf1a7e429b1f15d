# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.quantize: f16 activations to codes, one scale a row, after a residual and an RMSNorm."""
import numpy as np
from kernel_codes import Format

from families.family import Cost, Family, Wanted

EPSILON = 1.0e-5
# Sums of rows have an order of their own, and the square root is approximate: relative to a value.
NORM_ERROR = 40 * 2.0**-24


class Quantize(Family):
    """Rows of `columns` elements; `norm` and `residual` are true or false. With a residual the sum is a result too."""
    name = "quantize"

    def __init__(self, problem: dict):
        self.columns, self.norm, self.residual = problem["columns"], problem["norm"], problem["residual"]
        self.format = Format(problem["format"])
        self.checked = (0, 1, 2) if self.residual else (0, 1)
        before = " residual" * self.residual + " rms" * self.norm
        self.title = f"a{self.format.bits}{before} {self.columns}"
        self.weight = None

    def module(self, schedule):
        matrix, vector = f"tensor<?x{self.columns}xf16>", f"tensor<{self.columns}xf16>"
        types = {"x": matrix, **({"r": matrix} if self.residual else {}), **({"w": vector} if self.norm else {})}
        results = [f"tensor<?x{self.columns}x{self.format.storage}>", "tensor<?xf32>"]
        clauses = ("residual(%r) " if self.residual else "") + (f"norm rms(%w) epsilon {EPSILON:.1e} " if self.norm else "")
        arguments = ", ".join(f"%{name}: {kind}" for name, kind in types.items())
        stream = f" stream {matrix}" if self.residual else ""
        return (f"func.func @quantize({arguments}) {{\n  %0:{2 + self.residual} = qk.quantize %x {clauses}format({self.format.attribute})\n"
                f"    : ({', '.join(types.values())}) -> {', '.join(results)}{stream}\n  return\n}}\n")

    def operands(self, random, rows):
        if self.weight is None:
            self.weight = random.uniform(0.5, 1.5, self.columns).astype(np.float16)
        draw = lambda: random.standard_normal((rows, self.columns), np.float32).astype(np.float16)  # noqa: E731
        return [draw(), *([draw()] if self.residual else []), *([self.weight] if self.norm else [])]

    def expected(self, operands, rows, columns):
        """Codes, which are next to their values, scales, and the sum."""
        values = operands[0][rows].astype(np.float32)
        if self.residual:
            values = (values + operands[1][rows].astype(np.float32)).astype(np.float16).astype(np.float32)
        row = values.astype(np.float64)
        if self.norm:
            row = row / np.sqrt((row * row).mean(1, keepdims=True) + EPSILON) * self.weight.astype(np.float64)
        limit = (1 << self.format.bits - 1) - 1
        scales = np.maximum((np.abs(row).max(1, keepdims=True) / limit).astype(np.float32), np.float32(1e-8))
        error = NORM_ERROR if self.norm else 2.0**-23
        steps = self.format.spread(np.clip(row / scales, -limit - 1, limit))[:, columns]
        found = [Wanted(steps, 0.5 + 256 * error, self.format.unpack), Wanted(scales.astype(np.float64), scales * error)]
        return found + [Wanted(values.astype(np.float16))] if self.residual else found

    def cost(self, rows, native_int4):
        matrices = 1 + 2 * self.residual
        return Cost(rows * (matrices * self.columns * 2 + self.columns * self.format.bits // 8 + 4), 0, "int8")

    def peers(self, rows):
        return []
