// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one block of an attention kernel computes, and how its shared memory is divided. No MLIR
// inside.

#ifndef QLLM_KERNELS_ATTENTIONTILE_H
#define QLLM_KERNELS_ATTENTIONTILE_H

#include "qllm/Kernels/AttentionKernel.h"

namespace qllm::kernels {

/// Rows of a tensor instruction: queries by the heads that share a head of the cache. Where eight
/// of the 16 rows are enough, the others are zeros that nobody looks at.
struct AttentionTile {
  AttentionKernel kernel;
  std::int64_t queries = 0; ///< of a tile
  bool splitQueries = true; ///< whether an element takes two bf16

  std::int64_t usedRows() const { return queries * kernel.groupSize(); }
  /// Halves of an instruction's rows.
  std::int64_t halves() const { return usedRows() <= 8 ? 1 : 2; }
  std::int64_t rows() const { return halves() * 8; }

  /// Shared memory has the queries as the lanes of a warp want them for each step of 16 elements,
  /// and then the sums of each warp.
  std::int64_t queryWords() const { return 2 * halves(); }
  std::int64_t fragmentBytes() const { return 32 * queryWords() * 4; }
  std::int64_t stepBytes() const { return fragmentBytes() * (splitQueries ? 2 : 1); }
  std::int64_t steps() const { return kernel.cache.headSize / 16; }
  std::int64_t warpsAt() const { return steps() * stepBytes(); }

  /// Floats from one row of a warp's sums to the next: rows begin in different banks.
  std::int64_t rowPitch() const { return kernel.cache.headSize + 8; }
  /// Where the greatest score and the sum of weights of each row follow.
  std::int64_t statisticsAt() const { return rows() * rowPitch() * 4; }
  std::int64_t warpBytes() const { return statisticsAt() + rows() * 2 * 4; }
  std::int64_t sharedBytes() const { return warpsAt() + kernel.warps * warpBytes(); }

  /// The tile of queries of which there are `count`, or any number where that is 0: as many as fit,
  /// but no more than there are.
  static AttentionTile of(const AttentionKernel &kernel, std::int64_t count, bool splitQueries) {
    std::int64_t most = kernel.queriesOfTile();
    return {kernel, count > 0 && count < most ? count : most, splitQueries};
  }
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_ATTENTIONTILE_H
