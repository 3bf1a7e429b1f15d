# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.block_scaled_linear: NVFP4 or MXFP4 on both sides."""
import numpy as np
from kernel_block_scaled import BLOCKS, E2M1, scale_values, scales_in_tiles
from kernel_codes import Format

from families.family import Cost, Family, Wanted

CHUNK = 4096  # weights of as many outputs are in double at a time
TENSOR_SCALE = np.float32(2.0**-6)  # so that sums fit f16
# Codes of scales around 1: numbers of e4m3, exponents of powers of two.
SCALES = {"nvfp4": (40, 72), "mxfp4": (125, 129)}


class BlockScaled(Family):
    """y = t (sx x) (sw w), with w of shape [n, k]; the `format` is nvfp4 or mxfp4."""
    name = "block_scaled_linear"
    fields = {"n": int, "k": int, "format": tuple(BLOCKS)}

    def __init__(self, problem: dict):
        self.n, self.k, self.format = (problem[key] for key in ("n", "k", "format"))
        self.length, self.scale_type = BLOCKS[self.format]
        self.blocks = -(-self.k // self.length)
        self.title, self.weight_bytes = f"{self.format} {self.n}x{self.k}", self.n * self.k // 2
        self.rotated = (1, 3)  # the weight and its scales
        self.constants = None

    def module(self, schedule):
        tiles = f"x{-(-self.blocks // 4)}x512x{self.scale_type}"
        types = {"x": f"?x{self.k}xf4E2M1FN", "w": f"{self.n}x{self.k}xf4E2M1FN", "sx": f"?{tiles}", "sw": f"{-(-self.n // 128)}{tiles}", "t": "1xf32"}
        types, result = {name: f"tensor<{each}>" for name, each in types.items()}, f"tensor<?x{self.n}xf16>"
        arguments = ", ".join(f"%{name}: {each}" for name, each in types.items())
        return (f"func.func @linear({arguments}) -> {result} {{\n  %y = qk.block_scaled_linear %x, %w scales(%sx, %sw) tensor_scale(%t) "
                f"schedule({schedule})\n    : ({', '.join(types.values())}) -> {result}\n  return %y : {result}\n}}\n")

    def side(self, random, rows):
        """Codes and scales of a matrix, and both as kernels read them."""
        codes = random.integers(0, 16, (rows, self.k), np.uint8)
        scales = random.integers(*SCALES[self.format], (rows, self.blocks), np.uint8)
        return codes, scales, Format("uint4").pack(codes), scales_in_tiles(scales)

    def operands(self, random, rows):
        if self.constants is None:
            self.constants = self.side(random, self.n)
        self.inputs = self.side(random, rows)
        return [self.inputs[2], self.constants[2], self.inputs[3], self.constants[3], np.array([TENSOR_SCALE])]

    def real(self, side, rows):
        codes, scales = (each[rows] for each in side[:2])
        return E2M1[codes] * np.repeat(scale_values(self.format, scales), self.length, 1)[:, :self.k]

    def expected(self, operands, rows, columns):
        inputs = self.real(self.inputs, rows)
        chunks = [self.real(self.constants, columns[first:first + CHUNK]) for first in range(0, len(columns), CHUNK)]
        products = [(inputs @ weights.T, np.abs(inputs) @ np.abs(weights).T) for weights in chunks]
        values, magnitude = (np.concatenate(parts, axis=1) * float(TENSOR_SCALE) for parts in zip(*products))
        # An instruction for 64 of k cuts what is below 2^-22 of its magnitude; then a rounding to f32 and one to f16.
        allowed = (self.k / 64 + 2) * 2.0**-22 * magnitude
        return [Wanted(values, allowed + (np.abs(values) + allowed) * 2.0**-11 + 2.0**-25)]

    def cost(self, rows, native_int4):
        del native_int4
        sides = (rows + self.n) * (self.k // 2 + self.blocks)
        return Cost(sides + rows * self.n * 2, 2 * rows * self.n * self.k, "fp4")

    def peers(self, rows):
        return [("bf16", (rows, self.n, self.k))]
