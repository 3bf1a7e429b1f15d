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

  /// With producers, sums lie in tensor memory: of these four warps one loads and one multiplies,
  /// and the others finish the sums. Scales come to shared memory behind the codes of a stage, those
  /// of the input first, and for each 128 rows word after word.
  bool isInTensorMemory() const { return codes.isWarpSpecialized(); }
  /// Words for 128 rows: a tile of scales, 512 bytes, or four columns of tensor memory.
  static constexpr std::int64_t rowsOfScales = 128, scaleBytes = rowsOfScales * wordBytes,
                                scaleColumns = rowsOfScales / 32;
  /// Tiles of scales in a stage: those of one row of tiles of the input, of the weight's one or two.
  std::int64_t weightScaleRows() const { return codes.schedule.tileColumns / rowsOfScales; }
  std::int64_t scaleTiles() const { return wordsOfTile() * (1 + weightScaleRows()); }
  std::int64_t stageBytes() const { return codes.stageBytes() + scaleTiles() * scaleBytes; }
  std::int64_t ringBytes() const { return codes.schedule.stages * stageBytes(); }
  /// In tensor memory. Each stage has scales of its own, so that none are written before all
  /// products with them are made.
  std::int64_t tensorColumns() const;
  /// Behind the ring lie its barriers, one for the sums, and the address of tensor memory.
  std::int64_t sharedBytes() const;

  /// Whether such a kernel exists at all, and on one target.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;

private:
  FormatStatus verifyInRegisters() const;
  FormatStatus verifyInTensorMemory() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_BLOCKSCALEDKERNEL_H
