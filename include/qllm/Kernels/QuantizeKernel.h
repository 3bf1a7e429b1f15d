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

  static constexpr std::int64_t pieceLength = 8, mostPieces = 8, mostWarps = 16;
  /// A warp takes so many rows of a principal part at a time, one for each lane in the end.
  static constexpr std::int64_t rankStep = 32, mostRank = 1024;
  static constexpr std::int64_t longestRotation = 16384;
  /// Rows of one warp share a block with others.
  static constexpr std::int64_t rowsOfWarpBlock = 4;
  /// Reductions over a row at most, each of which has a place in shared memory.
  static constexpr std::int64_t reductions = 5;

  bool isGrouped() const { return groupLength != resultColumns; }
  std::int64_t groups() const { return resultColumns / groupLength; }
  /// Warps that share a row: one up to 768 elements, and then as many as leave a thread the fewest
  /// pieces.
  std::int64_t warpsOfRow() const;
  std::int64_t threadsOfRow() const { return 32 * warpsOfRow(); }
  std::int64_t rowsOfBlock() const { return warpsOfRow() == 1 ? rowsOfWarpBlock : 1; }
  std::int64_t threads() const { return threadsOfRow() * rowsOfBlock(); }
  /// Bytes of one reduction's partial results.
  std::int64_t reductionBytes() const {
    return warpsOfRow() == 1 ? 0 : (warpsOfRow() + 3) / 4 * 16;
  }
  /// Where in shared memory the rows themselves begin, and the bytes of one: there elements are
  /// gathered from, and those of a rotation meet that are too far apart for one warp.
  std::int64_t rowOffset() const { return reductions * reductionBytes(); }
  std::int64_t rowBytes() const;
  /// Behind the rows each warp has a float for each row of a principal part.
  std::int64_t partOffset() const { return rowOffset() + rowsOfBlock() * rowBytes(); }
  std::int64_t sharedBytes() const { return partOffset() + 4 * rank * (threads() / 32); }

  /// Whether there is such a kernel, and whether a target has the shared memory for it.
  FormatStatus verify() const;
  FormatStatus verifyOn(const Target &target) const;

private:
  FormatStatus verifyGroups() const;
  FormatStatus verifyRotation() const;
  FormatStatus verifyRank() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_QUANTIZEKERNEL_H
