# Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""qk.append_kv: keys and values of new tokens, rotated and quantized into a cache, which is changed where it lies."""
import numpy as np
from kernel_attention import Cache, quantize, rotate
from kernel_codes import Format

from families.attention import PAGE_TOKENS
from families.family import INTEGERS, Cost, Family, Wanted


class AppendKV(Family):
    """The last tokens of `length`, one a row, with `kv` heads of `size` elements; keys and values in `format`, asymmetric."""
    name = "append_kv"
    fields = {"kv": int, "size": int, "length": int, "format": INTEGERS}
    in_place = 2

    def __init__(self, problem: dict):
        self.kv, self.size, self.length = (problem[key] for key in ("kv", "size", "length"))
        self.format = Format(problem["format"])
        width = 4 if self.format.bits <= 4 else 8
        self.cache = Cache(self.kv, self.size, width, width, PAGE_TOKENS)
        self.title = f"kv{self.format.bits} {self.kv}x{self.size} length {self.length}"
        self.memory = None

    def module(self, schedule):
        flat, tables = f"?x{self.kv * self.size}xf16", f"{self.length}x{self.size // 2}xf32"
        cache = f"?x{self.kv}x{self.cache.page_bytes}xi8"
        types = {"k": flat, "v": flat, "cache": cache, "positions": "?xi32", "pages": "?xi32", "cos": tables, "sin": tables}
        types, form = {name: f"tensor<{each}>" for name, each in types.items()}, self.format.attribute
        arguments = ", ".join(f"%{name}: {each}" for name, each in types.items())
        return (f"func.func @append({arguments}) -> tensor<{cache}> {{\n  %0 = qk.append_kv %k, %v into(%cache) at(%positions, %pages) "
                f"rotary(%cos, %sin) formats({form}, {form}) page_tokens {PAGE_TOKENS}\n"
                f"    : ({', '.join(types.values())}) -> tensor<{cache}>\n  return %0 : tensor<{cache}>\n}}\n")

    def operands(self, random, rows):
        if rows > self.length:
            raise ValueError(f"expected at most {self.length} rows, but got {rows}")
        if self.memory is None:
            count = -(-self.length // PAGE_TOKENS)
            self.memory = random.integers(0, 256, (count, self.kv, self.cache.page_bytes), np.uint8)
            self.pages = random.permutation(count).astype(np.int32)
            angles = np.arange(self.length)[:, None] * 10000.0**-(np.arange(self.size // 2) / (self.size // 2))
            self.tables = [function(angles).astype(np.float32) for function in (np.cos, np.sin)]
        positions = np.arange(self.length - rows, self.length, dtype=np.int32)
        new = [random.standard_normal((rows, self.kv * self.size), np.float32).astype(np.float16) for _ in range(2)]
        return [*new, self.memory, positions, self.pages, *self.tables]

    def expected_in_place(self, operands):
        """Every byte of the cache."""
        keys, values, memory, positions, pages, *tables = operands
        keys, values = (each.reshape(len(positions), self.kv, self.size) for each in (keys, values))
        rows = [rotate(keys, *(table[positions] for table in tables)), values]
        found = memory.copy()
        self.cache.append(found, *(quantize(each, self.format.bits, not self.format.signed) for each in rows), positions, pages)
        return Wanted(found)

    def cost(self, rows, native_int4):
        written = 2 * (self.size * self.cache.key_bits // 8 + 8)
        return Cost(rows * (self.kv * (2 * self.size * 2 + written) + self.size * 4), 0, "bf16")

    def peers(self, rows):
        return []
