# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Integer codes as kernels read them: formats, half bytes, and the order of weights, in numpy."""
import numpy as np

LAYOUT = "#qk.layout<16x64, n 8:1, k 4:4, n 2:8, k 2:32, k 4:1, k 2:16>"


class Format:
    """Codes called int4, uint8, ..."""

    def __init__(self, name: str):
        self.bits, self.signed = int(name[-1]), name[0] == "i"
        self.storage = ("" if self.signed else "u") + ("i4" if self.bits <= 4 else "i8")
        self.attribute = f"#qllm.int<{self.bits}{'' if self.signed else ', asymmetric'}>"

    def random(self, random, *shape) -> np.ndarray:
        """Codes of the whole range, in a type of one byte."""
        low = -(1 << self.bits - 1) if self.signed else 0
        return random.integers(low, low + (1 << self.bits), shape, np.int8 if self.signed else np.uint8)

    def pack(self, codes: np.ndarray) -> np.ndarray:
        """Bytes, half bytes the low one first."""
        if self.bits > 4:
            return codes.view(np.uint8)
        pairs = codes.view(np.uint8).reshape(codes.shape[0], -1, 2)
        return pairs[..., 0] & 15 | pairs[..., 1] << 4


def shuffle(codes: np.ndarray) -> np.ndarray:
    """The order of LAYOUT, edges filled up with zeros, two codes to a byte: bytes of [tiles of n, tiles of k, 512]."""
    rows, columns = (-(-size // tile) for size, tile in zip(codes.shape, (16, 64)))
    whole = np.zeros((rows * 16, columns * 64), np.uint8)
    whole[:codes.shape[0], :codes.shape[1]] = codes.view(np.uint8) & 15
    digits = whole.reshape(rows, 2, 8, columns, 2, 2, 4, 4).transpose(0, 3, 2, 6, 1, 4, 7, 5)
    return (digits[..., 0] | digits[..., 1] << 4).reshape(rows, columns, -1)
