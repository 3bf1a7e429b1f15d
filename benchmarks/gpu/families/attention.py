# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.attention: tokens of one sequence over its cache of quantized keys and values, as it is decoded."""
import numpy as np
from kernel_attention import CHUNK, Cache, Quantized, attend
from kernel_codes import Format

from families.family import INTEGERS, Cost, Family, Wanted

PAGE_TOKENS = 64
FEW_TOKENS = 512  # that several rows at a time look at, so that their reference does not take long


class Attention(Family):
    """`heads` of queries and `kv` heads of the cache, of `size` elements; `length` tokens, keys and values in `format`, asymmetric;
    `splits` (at least 2) of the tokens and `warps` for each."""
    name = "attention"
    fields = {"heads": int, "kv": int, "size": int, "length": int, "format": INTEGERS, "splits": int, "warps": int}
    rotated = (1,)
    checked = (0, 1)

    def __init__(self, problem: dict):
        self.heads, self.kv, self.size, self.length, self.splits, self.warps = (
            problem[key] for key in ("heads", "kv", "size", "length", "splits", "warps"))
        self.format = Format(problem["format"])
        self.scale = self.size**-0.5
        width = 4 if self.format.bits <= 4 else 8
        self.cache = Cache(self.kv, self.size, width, width, PAGE_TOKENS)
        self.title = f"kv{self.format.bits} {self.heads}/{self.kv}x{self.size} length {self.length}"
        self.memory = None

    def module(self, schedule):
        flat, (key, value) = self.heads * self.size, [self.format.attribute] * 2
        types = {"q": f"?x{flat}xf16", "cache": f"?x{self.kv}x{self.cache.page_bytes}xi8", "positions": "?xi32", "pages": "?xi32"}
        arguments = ", ".join(f"%{name}: tensor<{each}>" for name, each in types.items())
        results = f"tensor<{self.splits}x?x{flat}xf32>, tensor<{self.splits}x?x{2 * self.heads}xf32>"
        return (f"func.func @attention({arguments}) {{\n  %0:2 = qk.attention %q over(%cache) at(%positions, %pages) heads {self.heads} "
                f"formats({key}, {value}) page_tokens {PAGE_TOKENS} scale {self.scale:.9e} warps {self.warps} splits {self.splits}\n"
                f"    : ({', '.join(f'tensor<{each}>' for each in types.values())}) -> ({results})\n  return\n}}\n")

    def make_cache(self, random) -> np.ndarray:
        """Any bytes are codes; scales and zero points are numbers."""
        count = -(-self.length // PAGE_TOKENS)
        memory = random.integers(0, 256, (count, self.kv, self.cache.page_bytes), np.uint8)
        chunks = memory.reshape(count, self.kv, -1, self.cache.chunk_bytes)
        pairs = np.empty((*chunks.shape[:3], 2 * CHUNK, 2), np.float32)
        pairs[..., 0] = random.uniform(0.05, 0.2, pairs.shape[:-1])
        pairs[..., 1] = random.integers(0, 1 << self.format.bits, pairs.shape[:-1])
        chunks[..., self.cache.parameters_at:] = pairs.reshape(*chunks.shape[:3], -1).view(np.uint8)
        return memory

    def operands(self, random, rows):
        if self.memory is None:
            self.memory = self.make_cache(random)
            self.pages = random.permutation(len(self.memory)).astype(np.int32)
        self.positions = np.array([self.length - 1], np.int32)
        if rows > 1:
            self.positions = random.integers(0, min(self.length, FEW_TOKENS), rows).astype(np.int32)
        queries = random.standard_normal((rows, self.heads * self.size), np.float32).astype(np.float16)
        return [queries, self.memory, self.positions, self.pages]

    def merge(self, found, rows):
        """The splits put together, as qk.combine_attention does: of sums, and of the greatest score and the sum of weights of each head."""
        sums, statistics = (each.reshape(len(each), self.splits, self.heads, -1).astype(np.float64) for each in found)
        share = np.exp2(statistics[..., 0] - statistics[..., 0].max(1, keepdims=True))
        merged = (share[..., None] * sums).sum(1) / (share * statistics[..., 1]).sum(1)[..., None]
        return [merged.reshape(len(sums), -1)]

    def expected(self, operands, rows, columns):
        positions = self.positions[rows]
        keys, values = self.read(positions.max() + 1)
        queries = operands[0][rows].reshape(len(rows), self.heads, self.size).astype(np.float64)
        found = attend(queries, keys, values, positions, self.scale, exact_queries=False)
        wanted, bound = (each.reshape(len(rows), -1)[:, columns] for each in (found.result, found.bound))
        return [Wanted(wanted, bound + np.abs(wanted) * 2.0**-22)]

    def read(self, count: int) -> list:
        """Keys and values of the first tokens, whole pages at a time."""
        cache, found = self.cache, []
        pages = self.memory[self.pages[:-(-count // PAGE_TOKENS)]]
        chunks = pages.reshape(len(pages), self.kv, -1, cache.chunk_bytes).swapaxes(1, 2)
        used = chunks.reshape(-1, self.kv, cache.chunk_bytes)
        for places_of, width, at in ((cache.key_places, cache.key_bits, cache.parameters_at),
                                     (cache.value_places, cache.value_bits, cache.parameters_at + CHUNK * 8)):
            places, bits = (np.stack(each) for each in zip(*map(places_of, range(CHUNK))))
            codes = used[:, :, places] >> bits.astype(np.uint8) & np.uint8((1 << width) - 1)
            pairs = np.ascontiguousarray(used[:, :, at:at + CHUNK * 8]).view(np.float32).reshape(*used.shape[:2], CHUNK, 2)
            codes, pairs = (each.swapaxes(1, 2).reshape(-1, self.kv, each.shape[-1])[:count] for each in (codes, pairs))
            found.append(Quantized(codes, pairs[..., 0], pairs[..., 1]))
        return found

    def cost(self, rows, native_int4):
        tokens = sum(int(position) + 1 for position in self.positions)
        memory = self.cache.chunk_bytes * self.kv * tokens // CHUNK
        return Cost(memory + rows * self.heads * (self.size * (2 + 4 * self.splits) + 8 * self.splits), 0, "bf16")

    def peers(self, rows):
        return []
