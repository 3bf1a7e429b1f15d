# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""f16 rows that are quantized, after a residual and an RMSNorm."""
import numpy as np

EPSILON = 1.0e-5
# Sums of rows have an order of their own, and the square root is approximate: relative to a value.
NORM_ERROR = 40 * 2.0**-24


class Rows:
    """Of `columns` elements; `norm` and `residual` of the problem are true or false. With a residual the sum is a result too."""

    def __init__(self, problem: dict):
        self.columns, self.norm, self.residual = problem["columns"], problem["norm"], problem["residual"]
        self.title = "residual " * self.residual + "rms " * self.norm
        self.matrix = f"tensor<?x{self.columns}xf16>"
        self.error = NORM_ERROR if self.norm else 2.0**-23  # of an element that is quantized
        self.weight = None

    def function(self, operation: str, more_types: dict, clauses: str, results: str, behind: str = "") -> str:
        """The module of an operation of rows, with its results before the sum and behind it."""
        types, before = {"x": self.matrix}, ""
        if self.residual:
            types["r"], before = self.matrix, "residual(%r) "
            results += f" stream {self.matrix}"
        if self.norm:
            types["w"], before = f"tensor<{self.columns}xf16>", f"{before}norm rms(%w) epsilon {EPSILON:.1e} "
        types |= more_types
        arguments, results = ", ".join(f"%{name}: {kind}" for name, kind in types.items()), f"{results} {behind}"
        return (f"func.func @quantize({arguments}) {{\n  %0:{results.count('tensor<')} = {operation} %x {before}{clauses}\n"
                f"    : ({', '.join(types.values())}) -> {results}\n  return\n}}\n")

    def operands(self, random, rows: int, more=0) -> list:
        """`more` is added to the first."""
        if self.weight is None:
            self.weight = random.uniform(0.5, 1.5, self.columns).astype(np.float16)
        draw = lambda: random.standard_normal((rows, self.columns), np.float32)  # noqa: E731
        return [(draw() + more).astype(np.float16)] + ([draw().astype(np.float16)] if self.residual else []) + ([self.weight] if self.norm else [])

    def values(self, operands: list, rows: np.ndarray):
        """The sum, as it is a result, and what is quantized."""
        values = operands[0][rows].astype(np.float32)
        if self.residual:
            values = (values + operands[1][rows].astype(np.float32)).astype(np.float16).astype(np.float32)
        row = values.astype(np.float64)
        if self.norm:
            row = row / np.sqrt((row * row).mean(1, keepdims=True) + EPSILON) * self.weight.astype(np.float64)
        return values.astype(np.float16), row

    def bytes(self) -> int:
        """Of a row that is read, and of the sum that is read and written."""
        return (1 + 2 * self.residual) * self.columns * 2
