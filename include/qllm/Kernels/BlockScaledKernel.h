// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel for a linear layer on 4-bit floats with scales of blocks on both sides, described
// once. No MLIR inside.

#ifndef QLLM_KERNELS_BLOCKSCALEDKERNEL_H
#define QLLM_KERNELS_BLOCKSCALEDKERNEL_H

#include "qllm/Kernels/LinearKernel.h"

namespace qllm::kernels {

/// y[m, n] = sum over k of sx[m, k / B] x[m, k] sw[n, k / B] w[n, k], with blocks of B elements.
struct BlockScaledKernel {
  /// Sizes, tiles and copies: those of 4-bit codes on both sides.
  LinearKernel codes;
  std::int64_t blockLength = 0; ///< 16 or 32

  /// Scales lie in tiles of 128 rows by four blocks (`WeightLayout::blockScales`). The four of a
  /// row are a word, which belongs to one step of the inner loop or to two.
  static constexpr std::int64_t scalesOfWord = 4, wordBytes = 4;
  std::int64_t depthOfWord() const { return scalesOfWord * blockLength; }
  std::int64_t stepsOfWord() const { return depthOfWord() / codes.stepDepth(); }
  /// Words of a row, and those that a tile of the product takes.
  std::int64_t wordsOfRow() const { return (codes.depth + depthOfWord() - 1) / depthOfWord(); }
  std::int64_t wordsOfTile() const { return codes.schedule.tileDepth / depthOfWord(); }

  /// Whether such a kernel exists at all, and on one target.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_BLOCKSCALEDKERNEL_H
