# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.quantize_blocks: f16 activations to NVFP4 or MXFP4, after a residual and an RMSNorm."""
import numpy as np
from kernel_block_scaled import BLOCKS, E2M1, scale_values, scales_from_tiles
from kernel_codes import Format

from families.family import Cost, Family, Wanted
from families.rows import Rows

TENSOR_SCALE = np.float32(2.0**-6)  # of NVFP4, that scales are in the middle of what they can be


class QuantizeBlocks(Family):
    """Rows as of families.rows; the `format` is nvfp4 or mxfp4."""
    name = "quantize_blocks"
    fields = {"columns": int, "norm": bool, "residual": bool, "format": tuple(BLOCKS)}

    def __init__(self, problem: dict):
        self.rows, self.format = Rows(problem), problem["format"]
        self.length, self.scale_type = BLOCKS[self.format]
        self.blocks = self.rows.columns // self.length
        self.checked = (0, 1, 2)[:2 + self.rows.residual]
        self.title = f"{self.format} {self.rows.title}{self.rows.columns}"

    def module(self, schedule):
        scaled = self.format == "nvfp4"
        results = f"tensor<?x{self.rows.columns}xf4E2M1FN>, tensor<?x{-(-self.blocks // 4)}x512x{self.scale_type}>"
        return self.rows.function("qk.quantize_blocks", {"t": "tensor<1xf32>"} if scaled else {}, "tensor_scale(%t)" if scaled else "", results)

    def operands(self, random, rows):
        return self.rows.operands(random, rows) + ([np.array([TENSOR_SCALE])] if self.format == "nvfp4" else [])

    def scales_of(self, ranges):
        """By the format's rule: to the nearest e4m3 so that the largest becomes 6, or the power of two below a quarter of it."""
        if self.format == "mxfp4":
            return 2.0**(np.floor(np.log2(ranges)) - 2)
        steps = scale_values("nvfp4", np.arange(127))
        return steps[np.searchsorted((steps[1:] + steps[:-1]) / 2, ranges / 6 / TENSOR_SCALE)] * TENSOR_SCALE

    def merge(self, found, rows):
        codes, tiles = found[:2]
        scales = scales_from_tiles(tiles.reshape(len(tiles), -1, 512), rows)[:, :self.blocks]
        steps = scale_values(self.format, scales) * (TENSOR_SCALE if self.format == "nvfp4" else 1)
        values = E2M1[Format("uint4").unpack(codes)].reshape(len(codes), self.blocks, self.length) * steps[:, :, None]
        return [values.reshape(*codes.shape, 2), steps, *found[2:]]

    def expected(self, operands, rows, columns):
        """What codes stand for, which are next to their values, scales, and the sum."""
        stream, row = self.rows.values(operands, rows)
        ranges = np.abs(row).reshape(len(row), self.blocks, self.length).max(2)
        # Nearly always one, else two beside a border.
        scales = [self.scales_of(ranges * (1 + sign * 4 * self.rows.error)) for sign in (-1, 1)]
        allowed = np.max([self.farthest(row, np.repeat(each, self.length, 1)) for each in scales], axis=0)
        pairs = (each.reshape(len(row), -1, 2)[:, columns] for each in (row, allowed))
        return [Wanted(*pairs), Wanted((scales[0] + scales[1]) / 2, (scales[1] - scales[0]) / 2)] + [Wanted(stream)] * self.rows.residual

    def farthest(self, row, scales):
        """How far the nearest number may be from each element."""
        steps = np.abs(row) / scales
        gap = np.select([steps < 2, steps < 4, steps < 6], [0.25, 0.5, 1.0], steps - 6)
        return gap * scales + 4 * self.rows.error * np.abs(row)

    def cost(self, rows, native_int4):
        del native_int4
        return Cost(rows * (self.rows.bytes() + self.rows.columns // 2 + self.blocks), 0, "int8")

    def peers(self, rows):
        return []
