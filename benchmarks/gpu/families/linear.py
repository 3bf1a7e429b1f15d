# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.linear: integer codes times integer codes, exact, with zero points where formats are unsigned, and a low-rank branch."""
import numpy as np
from kernel_codes import LAYOUT, Format, pack_halves, shuffle
from kernel_text import TensorType

from families.family import INTEGERS, Cost, Family, Wanted

CHUNK = 4096  # weights of as many outputs are in double at a time
BRANCH = Format("int8")
# In titles, by whether inputs and weights are symmetric.
ZERO_POINTS = {(True, True): "", (True, False): " weight zero points", (False, True): " input zero points", (False, False): " zero points"}


class Linear(Family):
    """y = sx sw ((x - zx) (w - zw)) + sz sb (z b), with w of shape [n, k]; `group` is 0 for scales and zero points of whole channels, or
    their length. May be left out: `bytes`, true for inputs of up to 4 bits one to a byte; `input_groups`, true for scales and zero points of
    the same groups of the inputs; `rank` of the branch, 0 for none."""
    name = "linear"
    fields = {"n": int, "k": int, "input": INTEGERS, "weight": INTEGERS, "group": int}
    optional = {"bytes": bool, "input_groups": bool, "rank": int}

    def __init__(self, problem: dict):
        self.n, self.k, self.group, self.rank = problem["n"], problem["k"], problem["group"], problem.get("rank", 0)
        self.input, self.weight = Format(problem["input"], problem.get("bytes", False)), Format(problem["weight"])
        self.input_groups = problem.get("input_groups", False)
        self.shuffled = self.weight.halves and not self.input.halves
        self.groups = self.k // self.group if self.group else 1
        kind = f"w{self.weight.bits}a{self.input.bits}" + (f" g{self.group}" if self.group else "") + (" on both sides" if self.input_groups else "")
        kind += ZERO_POINTS[self.input.signed, self.weight.signed] + (" in bytes" if self.input.bits <= 4 and not self.input.halves else "")
        self.title = kind + (f" rank {self.rank}" if self.rank else "") + f" {self.n}x{self.k}"
        if self.rank:
            self.base = Linear({**problem, "rank": 0}).title
        elif self.weight.bits <= 4:
            self.w8a8 = f"w8a8 {self.n}x{self.k}"
        self.weight_bytes = self.n * self.k * (4 if self.weight.bits <= 4 else 8) // 8
        self.rotated = tuple(index for index, (_, each) in enumerate(self.types()) if "?" not in each)
        self.constants = None

    @property
    def half_zeros(self) -> bool:
        """Whether zero points of weights lie two to a byte, as the compiler stores those of groups."""
        return bool(self.group) and self.weight.bits <= 4

    def types(self) -> list:
        """Name and type of each operand."""
        packed = f"{-(-self.n // 16)}x{-(-self.k // 64)}x512xi8" if self.shuffled else f"{self.n}x{self.k}x{self.weight.storage}"
        groups = f"{self.groups}x" if self.group else ""
        row = f"?x{self.groups}x" if self.input_groups else "?x"
        found = [("x", f"?x{self.k}x{self.input.storage}"), ("w", packed), ("s", f"{row}f32"), ("t", f"{groups}{self.n}xf32")]
        if not self.input.signed:
            sums = f"{groups}{self.n}xi32" if self.input_groups or not self.group else f"{self.n}xf32"
            found += [("zx", f"{row}i32"), ("sums", sums)]
        if not self.weight.signed:
            found += [("zw", f"{groups}{self.n}x{'ui4' if self.half_zeros else 'ui8'}")] + [("xsums", "?xi32")] * (not self.group)
        if self.rank:
            found += [("z", f"?x{self.rank}xi8"), ("sz", "?xf32"), ("b", f"{self.n}x{self.rank}xi8"), ("sb", f"{self.n}xf32")]
        return [(name, f"tensor<{each}>") for name, each in found]

    def module(self, schedule):
        result = f"tensor<?x{self.n}xf16>"
        clauses = "" if self.input.signed else " zero_points(%zx, %sums)"
        clauses += "" if self.weight.signed else f" weight_zero_points(%zw{'' if self.group else ', %xsums'})"
        clauses += " low_rank(%z, %sz, %b, %sb)" if self.rank else ""
        layout = f" layout({LAYOUT})" if self.shuffled else ""
        arguments = ", ".join(f"%{name}: {each}" for name, each in self.types())
        return (f"func.func @linear({arguments}) -> {result} {{\n  %y = qk.linear %x, %w scales(%s, %t){clauses} "
                f"formats({self.input.attribute}, {self.weight.attribute}) schedule({schedule}){layout}\n"
                f"    : ({', '.join(each for _, each in self.types())}) -> {result}\n  return %y : {result}\n}}\n")

    def operands(self, random, rows):
        if self.constants is None:
            self.constants = self.make_constants(random)
        self.inputs = self.input.random(random, rows, self.k)
        # Small enough that every sum fits f16.
        shape = (rows, self.groups) if self.input_groups else rows
        found = {"x": self.input.pack(self.inputs), "s": random.uniform(0.001, 0.01, shape).astype(np.float32)}
        if not self.input.signed:
            found["zx"] = random.integers(0, 1 << self.input.bits, shape).astype(np.int32)
        if not self.weight.signed:
            found["xsums"] = self.inputs.sum(1, dtype=np.int32)
        if self.rank:
            # As large as the rest, so that neither hides what is wrong with the other.
            size = np.sqrt(self.k / self.rank) * 2.0**(self.input.bits + self.weight.bits - 2 * BRANCH.bits)
            found |= {"z": BRANCH.random(random, rows, self.rank), "sz": (size * random.uniform(0.001, 0.01, rows)).astype(np.float32)}
        found |= self.constants
        return [found[name] for name, _ in self.types()]

    def make_constants(self, random) -> dict:
        codes = self.weight.random(random, self.n, self.k)
        scales = random.uniform(1e-4, 1e-3, (self.groups, self.n)).astype(np.float32)
        found = {"codes": codes, "w": shuffle(codes) if self.shuffled else self.weight.pack(codes), "t": scales if self.group else scales[0]}
        if not self.input.signed:
            by_group = codes.reshape(self.n, self.groups, -1).sum(2, dtype=np.int32).T
            found["sums"] = by_group if self.input_groups else self.sum_groups(by_group, scales) if self.group else by_group[0]
        if not self.weight.signed:
            zero = random.integers(0, 1 << self.weight.bits, scales.shape).astype(np.uint8)
            found["zeros"] = zero
            found["zw"] = pack_halves(zero) if self.half_zeros else zero if self.group else zero[0]
        if self.rank:
            found |= {"b": BRANCH.random(random, self.n, self.rank), "sb": random.uniform(1e-4, 1e-3, self.n).astype(np.float32)}
        return found

    @staticmethod
    def sum_groups(sums, scales):
        """Sums of scaled sums of codes in f32, one group after the other."""
        return np.add.accumulate(scales * sums.astype(np.float32))[-1]

    def expected(self, operands, rows, columns):
        named = dict(zip((name for name, _ in self.types()), operands))
        zero = named["zx"][rows].reshape(len(rows), -1) if "zx" in named else np.zeros((1, 1))
        inputs = self.inputs[rows].astype(np.float64)
        scales, row_scales = self.constants["t"], named["s"][rows].reshape(len(rows), -1)
        chunks = [columns[first:first + CHUNK] for first in range(0, len(columns), CHUNK)]
        if self.group:
            total = [self.multiply_groups(inputs, zero, row_scales if self.input_groups else None, chunk) for chunk in chunks]
        else:
            total = [self.multiply(inputs, zero, chunk) for chunk in chunks]
        total = np.concatenate(total, axis=1)
        if not self.group:
            total *= row_scales * scales[columns]
        elif not self.input_groups:
            if "zx" in named:
                total -= zero.astype(np.float32) * named["sums"][columns]
            total *= row_scales
        if self.rank:
            sums = named["z"][rows].astype(np.int32) @ named["b"][columns].T.astype(np.int32)
            total += sums.astype(np.float32) * (named["sz"][rows][:, None] * named["sb"][columns])
        return [Wanted(total.astype(np.float16))]

    def multiply(self, inputs, zero, columns):
        """In double, where sums of products are exact: they stay below 2^53."""
        weights = self.constants["codes"][columns].astype(np.float64)
        if not self.weight.signed:
            weights -= self.constants["zeros"][0, columns][:, None]
        return ((inputs - zero) @ weights.T).astype(np.float32)

    def multiply_groups(self, inputs, zero, row_scales, columns):
        """Sums of scaled groups, each by one fused multiply-add, whose product is exact in double; `row_scales` of groups, or None."""
        total = np.zeros((len(inputs), len(columns)), np.float32)
        for group, scale in enumerate(self.constants["t"][:, columns]):
            part = slice(group * self.group, (group + 1) * self.group)
            sums = inputs[:, part] @ self.constants["codes"][columns, part].T.astype(np.float64)
            of_group = zero[:, group % zero.shape[1], None]
            if row_scales is not None and not self.input.signed:
                sums = (sums - of_group.astype(np.float64) * self.constants["sums"][group, columns]).astype(np.float32)
            if not self.weight.signed:
                centred = (inputs[:, part].sum(1, keepdims=True) - of_group * self.group).astype(np.float32)
                sums = (sums - centred.astype(np.float64) * self.constants["zeros"][group, columns]).astype(np.float32)
            scale = scale if row_scales is None else scale * row_scales[:, group, None]
            total = (sums * scale.astype(np.float64) + total).astype(np.float32)
        return total

    def cost(self, rows, native_int4):
        memory = sum(TensorType.parse(each).bytes(rows) for _, each in self.types()) + rows * self.n * 2
        kind = "int4" if native_int4 and self.input.halves else "int8"
        return Cost(memory, 2 * rows * self.n * (self.k + self.rank), kind)

    def peers(self, rows):
        return [("bf16", (rows, self.n, self.k)), ("int8", (rows, self.n, self.k))]
