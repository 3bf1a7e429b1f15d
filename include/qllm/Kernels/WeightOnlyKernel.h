// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel for a linear layer of 16-bit floats and integer weights, described once. No MLIR
// inside.

#ifndef QLLM_KERNELS_WEIGHTONLYKERNEL_H
#define QLLM_KERNELS_WEIGHTONLYKERNEL_H

#include "qllm/Kernels/LinearKernel.h"
#include "qllm/Kernels/StreamK.h"
#include "qllm/Kernels/WeightLayout.h"

namespace qllm::kernels {

/// The inputs of a tensor instruction that are 16-bit floats.
enum class HalfKind : std::uint8_t { F16, BF16 };

/// y[m, n] = sum over k of x[m, k] (w[n, k] - z[n]) s[n], with scales and zero points of channels
/// or of groups, for any number of rows m.
///
/// With tiles of 16 rows or more, a ring of asynchronous copies brings both operands to shared
/// memory. Tiles of 8 rows are for a few tokens, where nobody shares weights: each warp loads its
/// own, and multiplies them as the left operand, since that has 16 rows and the right one 8. The
/// rows of the grid of warps then divide the depth.
struct WeightOnlyKernel {
  HalfKind input = HalfKind::F16;
  CodeFormat weight;
  bool hasZeroPoints = false;
  std::int64_t columns = 0;     ///< n
  std::int64_t depth = 0;       ///< k
  std::int64_t groupLength = 0; ///< elements of k with a common scale; `depth` for all
  /// Columns of the inputs of a low-rank branch, whose product is added to the result; 0 for none.
  std::int64_t rank = 0;
  Schedule schedule;

  /// Elements of k that one tensor instruction sums over.
  static constexpr std::int64_t stepDepth = 16;
  /// Of a branch.
  static constexpr std::int64_t mostRank = 1024;

  bool isGrouped() const { return groupLength != depth; }
  bool isDirect() const { return schedule.tileRows == 8; }
  std::int64_t groups() const { return depth / groupLength; }
  WeightLayout layout() const { return WeightLayout::halfFragments(weight.storageBits()); }
  /// Bytes of one tile of the layout.
  std::int64_t layoutBytes() const { return layout().tileSize() * weight.storageBits() / 8; }

  /// Tiles of operands along the depth, and tiles of the product along its columns.
  std::int64_t tiles() const { return (depth + schedule.tileDepth - 1) / schedule.tileDepth; }
  std::int64_t columnTiles() const { return schedule.columnTiles(columns); }
  /// How blocks share a row of tiles, where the schedule is streamed.
  StreamK stream() const { return {columnTiles(), tiles(), schedule.blocks}; }
  /// Tiles of the product, each of which has a count of arrivals, and words for the sums of parts
  /// beside each of its rows.
  std::int64_t arrivals(std::int64_t rows) const {
    return (rows + schedule.tileRows - 1) / schedule.tileRows * columnTiles();
  }
  std::int64_t wordsOfParts() const { return stream().slots() * schedule.tileColumns; }
  /// Elements of k that one warp computes of a tile.
  std::int64_t depthOfWarp() const {
    return isDirect() ? schedule.tileDepth / schedule.warpRows : schedule.tileDepth;
  }
  /// Elements of k whose products are summed before a scale is applied.
  std::int64_t runLength() const;

  OperandTile inputTile() const;
  OperandTile weightTile() const;
  std::int64_t stageBytes() const { return inputTile().bytes() + weightTile().bytes(); }
  std::int64_t sharedBytes() const;
  /// Words from token to token of the sums that warps of the direct form share, so that the lanes
  /// of a warp store to different banks.
  std::int64_t sharedPitch() const { return schedule.tileColumns + 4; }

  /// Whether such a kernel exists at all, and on one target.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;

private:
  /// Elements of the product that a thread sums up in registers.
  std::int64_t sumsOfThread() const;
  FormatStatus verifyFormats() const;
  FormatStatus verifySizes() const;
  FormatStatus verifyGroups() const;
  FormatStatus verifyRank() const;
  FormatStatus verifyRing() const;
  FormatStatus verifyDirect() const;
  FormatStatus verifyRegisters() const;
  FormatStatus verifyStream() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_WEIGHTONLYKERNEL_H
