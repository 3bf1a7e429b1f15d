# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""What kernels are to reach on an H200, and whether the rows of a run do."""
import re
from dataclasses import dataclass

PROMPT = (2048, 1 << 30)  # numbers of rows
REACHED_BANDWIDTH = 4.3  # TB/s that a copy reaches on an H200


@dataclass(frozen=True)
class Goal:
    """Rows of a run whose kernel's name matches `kernel`, with so many rows; each has a `figure`, which is to be at least (or with `below`,
    at most) `bound`."""
    text: str
    kernel: str
    rows: tuple
    figure: object
    bound: float
    below: bool = False

    def line(self, rows: list) -> str:
        """One line, of the worst and best of these rows."""
        chosen = [row for row in rows if re.match(self.kernel, row["kernel"]) and self.rows[0] <= row["rows"] <= self.rows[1] and row["timing"]]
        figures = [figure for row in chosen if (figure := self.figure(row)) is not None]
        sign = "at most" if self.below else "at least"
        start = f"{self.text}: {sign} {self.bound:.2f}"
        if not figures:
            return f"{start}: not measured"
        worst = max(figures) if self.below else min(figures)
        met = worst <= self.bound if self.below else worst >= self.bound
        return f"{start}, {min(figures):.2f} to {max(figures):.2f} of {len(figures)} measured: {'met' if met else 'NOT met'}"


def of_peer(name: str):
    def figure(row: dict):
        return row["peers"][name]["median"] / row["timing"]["median"] if name in row["peers"] else None
    return figure


def of_floor(row: dict):
    return row["floor"] / row["timing"]["median"] if row["floor"] else None


def of_floor_with_large_weights(row: dict):
    return of_floor(row) if row["weight_bytes"] >= 200e6 else None


def of_copy(row: dict):
    """The floor is bytes over the memory's rate here."""
    return of_floor(row) * row["memory"] / REACHED_BANDWIDTH if row["floor"] else None


GOALS = (
    Goal("W8A8, 2048 rows or more, beside int8 of the peer", r"linear w8a8 \d+x", PROMPT, of_peer("int8"), 0.90),
    Goal("W4A8, 2048 rows or more, beside our W8A8", r"linear w4a8 (zero points )?\d+x", PROMPT, lambda row: row["of_w8a8"], 0.85),
    Goal("W4A16, 2048 rows or more, beside bf16 of the peer", r"weight_only_linear w4a16 ", PROMPT, of_peer("bf16"), 0.85),
    Goal("1 to 16 rows, weights of 200 MB or more, beside the floor", r"(linear w|weight_only_linear |block_scaled_linear )", (1, 16),
         of_floor_with_large_weights, 0.70),
    Goal("W4A4 in bytes, 2048 rows or more, beside our W8A8", r"linear w4a4 in bytes \d+x", PROMPT, lambda row: row["of_w8a8"], 0.85),
    Goal("a branch of rank 32, 2048 rows or more, beside the same without", r"linear .* rank 32 ", PROMPT, lambda row: row["ratio"], 1.12, below=True),
    Goal("residual, RMSNorm and quantization, 4096 rows or more, beside 4.3 TB/s", r"quantize a\d residual rms \d", (4096, 1 << 30), of_copy, 0.75),
)


def summary(rows: list) -> list:
    """Lines for all goals."""
    return ["goals for an H200:", *(f"  {goal.line(rows)}" for goal in GOALS)]
