# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer codes as kernels read them: formats, half bytes, and the order of weights, in numpy."""
import re

import numpy as np

# Of 4-bit weights beside 8-bit inputs.
LAYOUT = "#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>"


def pack_halves(codes: np.ndarray) -> np.ndarray:
    """Codes of four bits two to a byte, the low half first, also where a row ends inside of one."""
    flat = np.append(codes, np.zeros(codes.size % 2, np.uint8)).reshape(-1, 2)
    return flat[:, 0] | flat[:, 1] << 4


class Format:
    """Codes called int4, uint8, ... Those of up to 4 bits lie two to a byte, unless they are `in_bytes`."""

    def __init__(self, name: str, in_bytes: bool = False):
        self.bits, self.signed = int(name[-1]), name[0] == "i"
        self.halves = self.bits <= 4 and not in_bytes
        self.storage = ("" if self.signed else "u") + ("i4" if self.halves else "i8")
        self.attribute = f"#qllm.int<{self.bits}{'' if self.signed else ', asymmetric'}>"

    def random(self, random, *shape) -> np.ndarray:
        """Codes of the whole range, in a type of one byte."""
        low = -(1 << self.bits - 1) if self.signed else 0
        return random.integers(low, low + (1 << self.bits), shape, np.int8 if self.signed else np.uint8)

    def ends(self, random, rows: int, columns: int) -> np.ndarray:
        """Rows of the least code or of the greatest, whose products have the largest sums."""
        low = -(1 << self.bits - 1) if self.signed else 0
        column = random.choice([low, low + (1 << self.bits) - 1], (rows, 1)).astype(np.int8 if self.signed else np.uint8)
        return np.repeat(column, columns, 1)

    def pack(self, codes: np.ndarray) -> np.ndarray:
        """Bytes, half bytes the low one first."""
        if not self.halves:
            return codes.view(np.uint8)
        return pack_halves(codes.view(np.uint8) & 15).reshape(codes.shape[0], -1)

    def unpack(self, packed: np.ndarray) -> np.ndarray:
        """The codes of each byte along one more axis: one, or two half bytes."""
        packed = packed.view(np.uint8)
        if not self.halves:
            return packed.view(np.int8 if self.signed else np.uint8)[..., None].astype(int)
        codes = np.stack([packed & 15, packed >> 4], -1).astype(int)
        return (codes ^ 8) - 8 if self.signed else codes

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Values of codes as `unpack` arranges those."""
        return values.reshape(*values.shape[:-1], -1, 2 if self.halves else 1)


def tile_order(layout: str) -> tuple:
    """Rows and columns of the tile of a #qk.layout, and for each position in it the number of the element, rows first."""
    rows, columns = map(int, re.search(r"<(\d+)x(\d+)", layout).groups())
    order = np.zeros(1, int)
    for axis, size, stride in re.findall(r"([nk]) (\d+):(\d+)", layout):
        steps = np.arange(int(size)) * int(stride) * (columns if axis == "n" else 1)
        order = (order[:, None] + steps).ravel()
    return rows, columns, order


def shuffle(codes: np.ndarray, layout: str = LAYOUT, bits: int = 4) -> np.ndarray:
    """Codes in the order of a layout, edges filled up with zeros: bytes of [tiles of n, tiles of k, bytes of a tile], of 4 bits
    two to a byte."""
    height, width, order = tile_order(layout)
    rows, columns = (-(-size // tile) for size, tile in zip(codes.shape, (height, width)))
    whole = codes.view(np.uint8)
    if codes.shape != (rows * height, columns * width):
        whole = np.zeros((rows * height, columns * width), np.uint8)
        whole[:codes.shape[0], :codes.shape[1]] = codes.view(np.uint8)
    tiles = whole.reshape(rows, height, columns, width).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    if bits > 4:
        return tiles[..., order]
    return tiles[..., order[::2]] & 15 | tiles[..., order[1::2]] << 4
