// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How quantized keys and values of a layer lie in memory, described once for the kernel that writes
// them, the kernel that reads them and whoever looks at a page from outside. No MLIR inside.

#ifndef QLLM_KERNELS_KVCACHE_H
#define QLLM_KERNELS_KVCACHE_H

#include "qllm/Format/FormatStatus.h"

#include <cstdint>

namespace qllm::kernels {

/// A page holds `pageTokens` tokens of each head as chunks of 32, one after the other. A chunk has
/// the codes of its keys, then those of its values, then 8 bytes for each key and for each value:
/// the scale and the zero point, both f32. Codes are unsigned; x = scale * (code - zero point).
///
/// A warp reads the keys of a chunk by loads of 16 bytes a lane and its values by loads of 8, each
/// load from bytes in a row, and each lane gets what its part of a tensor instruction wants. Token
/// 8a + 4i + 2b + e of a chunk (a < 4; i, b, e < 2) is column 2a + e of the key's block 2i + b.
/// Four lanes share a key: lane t has the elements of the t-th quarter of both halves of the head,
/// which is where both elements of a rotated pair are.
struct KVCache {
  std::int64_t heads = 0;              ///< of keys and values
  std::int64_t headSize = 0;           ///< elements of a head
  unsigned keyBits = 0, valueBits = 0; ///< a code takes in memory: 4 or 8
  std::int64_t pageTokens = 0;

  static constexpr std::int64_t chunkTokens = 32, parameterBytes = 8;

  std::int64_t keyBytes() const { return chunkTokens * headSize * keyBits / 8; }
  std::int64_t valueBytes() const { return chunkTokens * headSize * valueBits / 8; }
  /// Where the parts of a chunk begin.
  std::int64_t valuesAt() const { return keyBytes(); }
  std::int64_t keyParametersAt() const { return valuesAt() + valueBytes(); }
  std::int64_t valueParametersAt() const {
    return keyParametersAt() + chunkTokens * parameterBytes;
  }
  std::int64_t chunkBytes() const { return valueParametersAt() + chunkTokens * parameterBytes; }
  std::int64_t chunks() const { return pageTokens / chunkTokens; }
  /// Bytes of one head's part of a page.
  std::int64_t pageBytes() const { return chunks() * chunkBytes(); }

  /// Bytes of a key that one of its four lanes reads.
  std::int64_t keyLaneBytes() const { return headSize * keyBits / 32; }

  /// A code's byte in the chunk, and the lowest of its bits.
  struct Place {
    std::int64_t byte;
    unsigned bit;
  };
  Place keyPlace(std::int64_t token, std::int64_t element) const;
  Place valuePlace(std::int64_t token, std::int64_t element) const;

  /// Whether pages can have so many tokens.
  static bool isPage(std::int64_t tokens) {
    return tokens >= chunkTokens && tokens <= 4096 && tokens % chunkTokens == 0;
  }
  /// Whether there are kernels for such a cache.
  FormatStatus verify() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_KVCACHE_H
