// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels around a cache of quantized keys and values, described once: how tokens and heads are
// spread over blocks, what shared memory it takes, and what there are no kernels for. No MLIR
// inside.

#ifndef QLLM_KERNELS_ATTENTIONKERNEL_H
#define QLLM_KERNELS_ATTENTIONKERNEL_H

#include "qllm/Kernels/KVCache.h"

#include <cstdint>

namespace qllm::kernels {

/// Quantizes new keys and values and puts them into the cache. Sixteen lanes have a row: lane l has
/// the elements from l * d / 32 on of both halves. A block has one head's keys or its values of
/// eight tokens.
struct AppendKernel {
  KVCache cache;

  static constexpr std::int64_t lanesOfRow = 16, rowsOfBlock = 8;
  std::int64_t threads() const { return lanesOfRow * rowsOfBlock; }
  std::int64_t columns() const { return 2 * cache.heads; }
  /// Neighbours that a lane has in each half of a row.
  std::int64_t elementsOfHalf() const { return cache.headSize / 2 / lanesOfRow; }
};

/// Attention of some queries over a cache. A tile has the 16 rows of a tensor instruction: queries
/// by the heads that share a head of the cache. The warps of a block and the blocks of all splits
/// take turns at the chunks of 32 tokens, and what they have is combined in their order.
struct AttentionKernel {
  KVCache cache;
  std::int64_t heads = 0;  ///< of queries
  std::int64_t warps = 0;  ///< of a block
  std::int64_t splits = 0; ///< blocks that share the tokens of a tile

  static constexpr std::int64_t rowsOfTile = 16;
  /// Heads of queries that share one of the cache.
  std::int64_t groupSize() const { return heads / cache.heads; }
  std::int64_t queriesOfTile() const { return rowsOfTile / groupSize(); }
  std::int64_t threads() const { return 32 * warps; }

  FormatStatus verify() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_ATTENTIONKERNEL_H
