# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A cache of quantized keys and values, and attention over it, in numpy: what qk.append_kv and qk.attention say."""
from dataclasses import dataclass

import numpy as np

CHUNK, U = 32, 2.0**-24
f32 = np.float32


@dataclass(frozen=True)
class Quantized:
    """Rows x = scale * (code - zero) along the last axis: unsigned codes, f32 scales and zero points."""
    codes: np.ndarray
    scales: np.ndarray
    zeros: np.ndarray

    def centred(self) -> np.ndarray:
        return self.codes - self.zeros[..., None]

    def exact(self) -> np.ndarray:
        """What the codes stand for, in f64."""
        return self.scales[..., None].astype(np.float64) * self.centred().astype(np.float64)


def quantize(x: np.ndarray, bits: int, asymmetric: bool, clip: float = 1.0) -> Quantized:
    """Rows along the last axis by their own ranges, as `qllm.quantize` does in f32."""
    x, clip = x.astype(f32), f32(clip)
    if asymmetric:
        low, high = x.min(-1) * clip, x.max(-1) * clip
        steps, floor = f32(2**bits - 1), np.maximum(np.maximum(-low, high) * f32(2.0**-20), f32(1e-8))
        scales = np.maximum((high - low) / steps, floor)
        zeros = np.rint(-low / scales) + f32(0)
        least, bias = f32(0), zeros
        bounds = least - zeros, steps - zeros
    else:
        steps = f32(2**(bits - 1) - 1)
        scales = np.maximum(np.abs(x).max(-1) * clip / steps, f32(1e-8))
        bias = np.full_like(scales, 2**(bits - 1))
        bounds = -bias, bias - f32(1)
    centred = np.rint(np.clip(x / scales[..., None], bounds[0][..., None], bounds[1][..., None]))
    codes = (centred + bias[..., None]).astype(np.int64)
    return Quantized(codes.astype(np.uint8), scales, bias)


def rotate(x: np.ndarray, cosines: np.ndarray, sines: np.ndarray) -> np.ndarray:
    """x is [tokens, heads, size]; the tables are those of the tokens, [tokens, size / 2]."""
    first, second = np.split(x.astype(f32), 2, -1)
    cosines, sines = cosines[:, None], sines[:, None]
    return np.concatenate([cosines * first - sines * second, sines * first + cosines * second], -1)


def multiply_hadamard(x: np.ndarray) -> np.ndarray:
    """The last axis by the Hadamard matrix as wide as it is: sums and differences at distances 1, 2, 4, .. in f32."""
    size, x = x.shape[-1], x.astype(f32)
    for distance in (1 << i for i in range(size.bit_length() - 1)):
        pairs = x.reshape(*x.shape[:-1], -1, 2, distance)
        x = np.stack([pairs[..., 0, :] + pairs[..., 1, :], pairs[..., 0, :] - pairs[..., 1, :]], -2).reshape(x.shape)
    return x * f32(1 / np.sqrt(f32(size)))


@dataclass(frozen=True)
class Cache:
    """The layout of kernels::KVCache: codes take 4 or 8 bits."""
    heads: int
    size: int
    key_bits: int
    value_bits: int
    page_tokens: int

    @property
    def values_at(self) -> int:
        return CHUNK * self.size * self.key_bits // 8

    @property
    def parameters_at(self) -> int:
        return self.values_at + CHUNK * self.size * self.value_bits // 8

    @property
    def chunk_bytes(self) -> int:
        return self.parameters_at + CHUNK * 16

    @property
    def page_bytes(self) -> int:
        return self.page_tokens // CHUNK * self.chunk_bytes

    def key_places(self, token):
        """Byte and lowest bit of each element of a key in its chunk."""
        element = np.arange(self.size)
        a, i, b, e = token // 8, token // 4 % 2, token // 2 % 2, token % 2
        half, quarter, lane_bytes = self.size // 2, self.size // 8, self.size * self.key_bits // 32
        lane, code = element % half // quarter, element // half * quarter + element % quarter
        byte, piece_of_lane = code * self.key_bits // 8, (2 * a + e) * 4 + lane
        piece = i if lane_bytes == 8 else (2 * i + b) * (lane_bytes // 16) + byte // 16
        in_piece = b * 8 + byte if lane_bytes == 8 else byte % 16
        return piece * 512 + piece_of_lane * 16 + in_piece, code * self.key_bits % 8

    def value_places(self, token):
        element, half = np.arange(self.size), self.size // 2
        if self.value_bits == 8:
            return self.values_at + element * CHUNK + token, element * 0
        return self.values_at + element % half * CHUNK + token, element // half * 4

    def parts(self, position, pages):
        """Page, first byte of the chunk, and token in the chunk."""
        page, token = pages[position // self.page_tokens], position % CHUNK
        return page, position % self.page_tokens // CHUNK * self.chunk_bytes, token

    def append(self, memory, keys: Quantized, values: Quantized, positions, pages):
        """Writes rows [tokens, heads, size] to the bytes [pages, heads, page_bytes]."""
        for row, position in enumerate(positions):
            page, chunk, token = self.parts(position, pages)
            for head in range(self.heads):
                bytes_ = memory[page, head, chunk:chunk + self.chunk_bytes]
                for rows, (places, bits), width, at in (
                        (keys, self.key_places(token), self.key_bits, self.parameters_at),
                        (values, self.value_places(token), self.value_bits, self.parameters_at + CHUNK * 8)):
                    np.bitwise_and.at(bytes_, places, ~np.left_shift((1 << width) - 1, bits).astype(np.uint8))
                    np.bitwise_or.at(bytes_, places, np.left_shift(rows.codes[row, head].astype(int), bits).astype(np.uint8))
                    pair = np.array([rows.scales[row, head], rows.zeros[row, head]], f32)
                    bytes_[at + token * 8:at + token * 8 + 8] = pair.view(np.uint8)

    def read(self, memory, positions, pages):
        """The keys and values of tokens."""
        found = []
        for places_of, width, at in ((self.key_places, self.key_bits, self.parameters_at),
                                     (self.value_places, self.value_bits, self.parameters_at + CHUNK * 8)):
            codes = np.zeros((len(positions), self.heads, self.size), np.uint8)
            parameters = np.zeros((len(positions), self.heads, 2), f32)
            for row, position in enumerate(positions):
                page, chunk, token = self.parts(position, pages)
                places, bits = places_of(token)
                bytes_ = memory[page, :, chunk:chunk + self.chunk_bytes]
                codes[row] = bytes_[:, places] >> bits & (1 << width) - 1
                parameters[row] = np.ascontiguousarray(bytes_[:, at + token * 8:at + token * 8 + 8]).view(f32)
            found.append(Quantized(codes, parameters[..., 0], parameters[..., 1]))
        return found


@dataclass(frozen=True)
class Attention:
    """The result in f64, and how far a kernel may be from it before it rounds to its own type."""
    result: np.ndarray
    bound: np.ndarray


def attend(queries, keys: Quantized, values: Quantized, positions, scale: float, exact_queries: bool) -> Attention:
    """Queries are f64 [rows, heads, size], or `Quantized`; keys and values those of tokens 0, 1, .. in order.

    The bound follows the roundings that qk.attention names, each in its worst case; u = 2^-24 is half a step of f32.

    A tensor instruction on bf16 adds 8 products at a time to a sum (sm_80; newer ones add 16 with a bit more). It cuts each of the 9
    at 2^-24 of the greatest of them, and the result at 2^-23 of itself: 11 u of the sum M of all magnitudes. Scores take d / 4
    such additions, as queries have two parts: less than 4 d u M. A chunk of 32 tokens takes 8 for values: 88 u M.

    The factor of a score is within 8 u. A weight is off by the errors of its score and of the greatest one, by ex2.approx with 2^-22
    and the rounding of its argument, and by as much again for each time that sums are rescaled or combined."""
    centred = queries.centred().astype(np.float64) if isinstance(queries, Quantized) else queries
    factor = (queries.scales.astype(np.float64) if isinstance(queries, Quantized) else np.ones(queries.shape[:2])) * scale
    rows, heads, size = centred.shape
    group = heads // keys.codes.shape[1]
    result, bound = np.zeros_like(centred), np.zeros_like(centred)
    for row in range(rows):
        for head in range(heads):
            tokens, shared = slice(0, positions[row] + 1), head // group
            q, f = centred[row, head], factor[row, head]
            k, v = keys.codes[tokens, shared].astype(np.float64), values.codes[tokens, shared].astype(np.float64)
            sk, zk, sv, zv = (a[tokens, shared].astype(np.float64) for a in (keys.scales, keys.zeros, values.scales, values.zeros))
            scores = f * sk * ((k - zk[:, None]) @ q)
            split = 0 if exact_queries else 2.0**-17
            magnitude = k @ np.abs(q)
            error = f * sk * (magnitude * (split + 4 * size * U) + np.abs(zk) * np.abs(q).sum() * (size + 4) * U)
            error += np.abs(scores) * 8 * U
            weights = np.exp(scores - scores.max())
            chunks = positions[row] // CHUNK + 1
            relative = np.expm1(error + error.max()) + (8 + 2 * np.abs(scores - scores.max())) * U * (chunks + 4)
            total = weights.sum()
            real = v - zv[:, None]
            result[row, head] = (weights * sv) @ real / total
            summed = weights * sv
            off = (summed * relative) @ np.abs(real)
            off += summed @ v * (2.0**-17 + 90 * chunks * U)
            off += (summed @ np.abs(zv)) * (2 * len(sk) + 16) * U
            off += np.abs(summed @ real) * ((weights * relative).sum() / total + (2 * len(sk) + 16) * U)
            bound[row, head] = off / total
    return Attention(result, bound)
