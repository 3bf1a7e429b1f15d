# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Principal parts that qk.quantize takes off rows, in numpy: their operands, products, and how far a kernel may be from them."""
from dataclasses import dataclass

import numpy as np


def fragments(codes: np.ndarray) -> np.ndarray:
    """Tiles of 16 by 32 as constraint C10 of qk.quantize has them."""
    rows, columns = codes.shape
    codes = np.pad(codes, ((0, -rows % 16), (0, -columns % 32)))
    # row: tile, i % 2, lane / 4; column: tile, lane % 4, i / 2, b
    tiles = codes.reshape(len(codes) // 16, 2, 8, -1, 4, 2, 4).transpose(0, 3, 2, 4, 5, 1, 6)
    return np.ascontiguousarray(tiles).reshape(len(codes) // 16, -1, 512)


@dataclass(frozen=True)
class PrincipalPart:
    """Directions of rows: i8 codes of shape [rank, columns], and an f32 scale for each direction."""
    codes: np.ndarray
    scales: np.ndarray

    @staticmethod
    def draw(random, rank: int, columns: int) -> "PrincipalPart":
        """Directions of about unit length."""
        codes = random.integers(-127, 128, (rank, columns)).astype(np.int8)
        return PrincipalPart(codes, (random.uniform(0.5, 1.5, rank) / (73 * np.sqrt(columns))).astype(np.float32))

    @staticmethod
    def types(rank: int, columns: int) -> list:
        """Of the operands of `principal(..)`."""
        shapes = [f"{-(-rows // 16)}x{-(-width // 32)}x512xi8" for rows, width in ((rank, columns), (columns, rank))]
        return [f"tensor<{each}>" for each in (*shapes, f"{rank}xf32")]

    def operands(self) -> list:
        return [fragments(self.codes), fragments(self.codes.T), self.scales]

    def directions(self) -> np.ndarray:
        return self.codes * self.scales.astype(np.float64)[:, None]

    def project(self, row: np.ndarray) -> tuple:
        """Exact products of rows with the directions, and how far from those the kernel's are at most."""
        directions = self.directions()
        products, largest = row @ directions.T, np.abs(row).max(1, keepdims=True)
        # Rows are rounded within 2^-22 of their largest magnitude; and there are eight roundings of f32.
        return products, 2.0**-22 * largest * np.abs(directions).sum(1) + 2.0**-21 * np.abs(products)

    @staticmethod
    def scales_of(products: np.ndarray) -> np.ndarray:
        """Scales of the codes of products, one for each row."""
        return np.maximum(np.abs(products).max(1) / 127, 1e-8)

    def take_off(self, row: np.ndarray, taken: np.ndarray) -> tuple:
        """Rows without so much of each direction, in f64, and how far from that the kernel's are at most."""
        rest, largest = row - taken @ self.directions(), np.abs(row).max(1, keepdims=True)
        steps = np.abs(taken * self.scales).max(1, keepdims=True)
        slack = 2.0**-22 * (largest + steps * np.abs(self.codes.astype(int)).sum(0)) + 2.0**-21 * (np.abs(row) + np.abs(rest))
        return rest, slack
