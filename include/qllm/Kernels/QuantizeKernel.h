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
  std::int64_t groupLength = 0;   ///< elements with a common scale; `resultColumns` for all
  bool gathers = false;           ///< whether elements of the result come from anywhere in the row

  static constexpr std::int64_t pieceLength = 8, mostPieces = 8, mostWarps = 16;
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
  /// Where in shared memory rows begin that are gathered from, and the bytes of one.
  std::int64_t rowOffset() const { return reductions * reductionBytes(); }
  std::int64_t rowBytes() const { return gathers ? columns * 4 : 0; }
  std::int64_t sharedBytes() const { return rowOffset() + rowsOfBlock() * rowBytes(); }

  /// Whether there is such a kernel. It is the same on every target.
  FormatStatus verify() const;
};

} // namespace qllm::kernels

#endif // QLLM_KERNELS_QUANTIZEKERNEL_H
