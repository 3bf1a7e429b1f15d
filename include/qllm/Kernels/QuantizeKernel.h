// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One kernel that quantizes rows by their own ranges, described once: how a row is spread over
// threads, what shared memory it takes, and which rows it is for. No MLIR inside.

#ifndef QLLM_KERNELS_QUANTIZEKERNEL_H
#define QLLM_KERNELS_QUANTIZEKERNEL_H

#include "qllm/Kernels/LinearKernel.h"

namespace qllm::kernels {

/// A row is cut into pieces of 8 elements. Thread t of T has pieces t, t + T, t + 2 T, .. of the
/// input in registers, and the same of the result, until it is stored.
struct QuantizeKernel {
  CodeFormat codes;
  std::int64_t columns = 0;       ///< k, of the input
  std::int64_t resultColumns = 0; ///< k', of the result
  std::int64_t innerColumns = 0;  ///< K, what a principal part is taken off; k' without one
  std::int64_t groupLength = 0;   ///< elements with a common scale; `resultColumns` for all
  bool gathers = false;           ///< whether elements come from anywhere in the row
  bool splits = false;            ///< the same behind the principal part
  std::int64_t hadamard = 1;      ///< elements of a block that is rotated; 1 for none
  std::int64_t rank = 0;          ///< r, rows of the principal part
  bool toFloats = false;          ///< whether codes are e2m1 and groups have small scales
  bool hasNorm = false;           ///< whether a residual or a norm comes in front
  bool hasRowBeside = false;      ///< whether a gate or rounding offsets are loaded beside a row
  /// Bytes of shared memory of the target, of which more rows make use beside a principal part.
  std::int64_t targetShared = 101376;

  static constexpr std::int64_t pieceLength = 8, mostWarps = 16, longestRow = 32768;
  /// Directions of a principal part that are multiplied at a time, and at most; rows that a tensor
  /// instruction multiplies with them.
  static constexpr std::int64_t rankStep = 32, mostRank = 1024, partRows = 8;
  static constexpr std::int64_t longestRotation = 16384;
  /// Elements of rows beyond which fewer warps share one, whose threads have all the registers that
  /// a thread may have.
  static constexpr std::int64_t longestOfManyWarps = 20480, warpsOfLongRows = 8;
  /// Elements of rows beyond which threads have no registers for a residual or norm, and for other
  /// rows beside theirs.
  static constexpr std::int64_t longestNormed = 20480, longestBeside = 28672;
  /// Rows of one warp share a block with others.
  static constexpr std::int64_t rowsOfWarpBlock = 4;
  /// Reductions over a row at most, each of which has a place in shared memory.
  static constexpr std::int64_t reductions = 5;

  bool isGrouped() const { return groupLength != resultColumns; }
  std::int64_t groups() const { return resultColumns / groupLength; }
  /// Elements of the longest form of a row; and whether that is long enough for `warpsOfLongRows`.
  std::int64_t longest() const;
  bool isLong() const { return longest() > longestOfManyWarps; }
  /// Whether a thread had better have more registers than a block beside its own leaves it: an
  /// assembler may spill for the sake of that block, for which shared memory has no room beside a
  /// principal part.
  bool wantsRegisters() const { return rank != 0 || isLong() || warps() > warpsOfLongRows; }
  /// Warps that share a row: one up to 768 elements, and then as many as leave a thread the fewest
  /// pieces.
  std::int64_t warpsOfRow() const;
  std::int64_t threadsOfRow() const { return 32 * warpsOfRow(); }
  /// Rows that the threads of a block have at a time, and one after the other. With a principal
  /// part a block has up to eight of those: as many as leave room for another block, or four if
  /// that is fewer, as far as they fit.
  std::int64_t rowsAtOnce() const {
    return warpsOfRow() > 1 ? 1 : rank ? partRows : rowsOfWarpBlock;
  }
  std::int64_t rowsOfBlock() const;
  std::int64_t warps() const { return warpsOfRow() * rowsAtOnce(); }
  std::int64_t threads() const { return 32 * warps(); }
  /// Bytes of one reduction's partial results.
  std::int64_t reductionBytes() const {
    return warpsOfRow() == 1 ? 0 : (warpsOfRow() + 3) / 4 * 16;
  }
  /// Where in shared memory the rows themselves begin, and the bytes of one: there elements are
  /// gathered from, and those of a rotation meet that are too far apart for one warp.
  std::int64_t rowOffset() const { return reductions * reductionBytes() + partBytes(); }
  std::int64_t rowBytes() const;
  std::int64_t sharedBytes() const { return rowOffset() + rowsOfBlock() * rowBytes(); }

  /// Steps of 32 channels of the product with the directions.
  std::int64_t partSteps() const { return (innerColumns + 31) / 32; }
  // Shared memory in front of the rows: a power of two for each row and for what is taken off it;
  // what is taken off, as integers; products; and the parts of each warp in those.
  std::int64_t partBytes() const {
    return rank ? partsOffset() - rowPowerOffset() + 4 * partRows * rankStep * warps() : 0;
  }
  std::int64_t rowPowerOffset() const { return reductions * reductionBytes(); }
  std::int64_t takenPowerOffset() const { return rowPowerOffset() + 4 * partRows; }
  std::int64_t takenOffset() const { return takenPowerOffset() + 4 * partRows; }
  std::int64_t takenBytes() const { return 4 * (rank + 4); }
  std::int64_t productsOffset() const { return takenOffset() + partRows * takenBytes(); }
  std::int64_t partsOffset() const { return productsOffset() + 4 * partRows * rank; }

  /// The same with as many rows to a block as fit the target.
  QuantizeKernel on(const Target &target) const;
  /// Whether there is such a kernel, and whether a target has the shared memory and the conversions
  /// for it.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;

private:
  FormatStatus verifyRegisters() const;
  FormatStatus verifyGroups() const;
  FormatStatus verifyRotation() const;
  FormatStatus verifyRank() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_QUANTIZEKERNEL_H
