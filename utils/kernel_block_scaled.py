# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Four-bit floats with scales of blocks, in numpy: what qk.block_scaled_linear says of its operands."""
import numpy as np

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
# Elements of a block, and the type of its scale.
BLOCKS = {"nvfp4": (16, "f8E4M3FN"), "mxfp4": (32, "f8E8M0FNU")}


def scale_values(kind: str, codes: np.ndarray) -> np.ndarray:
    """What scales stand for; the sign of an e4m3 does not count."""
    if kind == "mxfp4":
        return 2.0**(codes.astype(int) - 127)
    exponent, fraction = codes >> 3 & 15, codes & 7
    return np.where(exponent == 0, fraction * 2.0**-9, (8 + fraction) * 2.0**(exponent.astype(int) - 10))


def scales_from_tiles(tiles: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Scales of these rows by blocks, of the row of tiles that each is in."""
    blocks = tiles.reshape(len(rows), -1, 32, 4, 4)
    return blocks[np.arange(len(rows)), :, rows % 32, rows // 32 % 4].reshape(len(rows), -1)


def scales_in_tiles(codes: np.ndarray) -> np.ndarray:
    """Scales of rows by blocks in the order #qk.layout<128x4, n 32:1, n 4:32, k 4:1>, filled up with zeros."""
    rows, blocks = (-(-size // tile) for size, tile in zip(codes.shape, (128, 4)))
    whole = np.zeros((rows * 128, blocks * 4), np.uint8)
    whole[:codes.shape[0], :codes.shape[1]] = codes
    return whole.reshape(rows, 4, 32, blocks, 4).transpose(0, 3, 2, 1, 4).reshape(rows, blocks, 512)
