// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every code of a page has a place of its own, and nothing is left over.

#include "qllm/Kernels/KVCache.h"

#include <gtest/gtest.h>
#include <vector>

using namespace qllm::kernels;

namespace {

std::vector<KVCache> caches() {
  std::vector<KVCache> all;
  for (std::int64_t headSize : {64, 128})
    for (unsigned keyBits : {4u, 8u})
      for (unsigned valueBits : {4u, 8u})
        all.push_back({3, headSize, keyBits, valueBits, 128});
  return all;
}

TEST(KVCache, CodesFillTheirPart) {
  for (const KVCache &cache : caches()) {
    std::vector<unsigned> taken(cache.chunkBytes(), 0); // bits of each byte
    auto take = [&](KVCache::Place place, unsigned bits, std::int64_t begin, std::int64_t end) {
      ASSERT_GE(place.byte, begin);
      ASSERT_LT(place.byte, end);
      unsigned mask = ((1u << bits) - 1) << place.bit;
      EXPECT_EQ(taken[place.byte] & mask, 0u);
      taken[place.byte] |= mask;
    };
    for (std::int64_t token = 0; token != KVCache::chunkTokens; ++token)
      for (std::int64_t element = 0; element != cache.headSize; ++element) {
        take(cache.keyPlace(token, element), cache.keyBits, 0, cache.valuesAt());
        take(cache.valuePlace(token, element), cache.valueBits, cache.valuesAt(),
             cache.keyParametersAt());
      }
    for (std::int64_t byte = 0; byte != cache.keyParametersAt(); ++byte)
      EXPECT_EQ(taken[byte], 0xffu);
    EXPECT_EQ(cache.chunkBytes() - cache.keyParametersAt(), 32 * 8 * 2);
  }
}

/// Tokens of one call write bytes of their own, so nobody has to keep order between them.
TEST(KVCache, TokensShareNoByte) {
  for (const KVCache &cache : caches()) {
    std::vector<std::int64_t> owner(cache.chunkBytes(), -1);
    for (std::int64_t token = 0; token != KVCache::chunkTokens; ++token)
      for (std::int64_t element = 0; element != cache.headSize; ++element)
        for (KVCache::Place place :
             {cache.keyPlace(token, element), cache.valuePlace(token, element)}) {
          if (owner[place.byte] < 0)
            owner[place.byte] = token;
          EXPECT_EQ(owner[place.byte], token);
        }
  }
}

TEST(KVCache, SmolLM2) {
  KVCache cache{3, 64, 4, 4, 64};
  EXPECT_TRUE(bool(cache.verify()));
  EXPECT_EQ(cache.pageBytes(), 64 * (32 + 32 + 8 + 8));
}

TEST(KVCache, Refused) {
  auto message = [](KVCache cache) { return cache.verify().message(); };
  EXPECT_EQ(message({0, 64, 4, 4, 64}), "expected 1 to 1024 heads of keys and values, but got 0");
  EXPECT_EQ(message({1, 96, 4, 4, 64}), "expected heads of 64 or 128 elements, but got 96");
  EXPECT_EQ(message({1, 64, 4, 4, 80}),
            "expected pages of a multiple of 32 tokens, up to 4096, but got 80");
}

} // namespace
