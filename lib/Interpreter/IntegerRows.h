// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized matrices of integers as exact products want them: rows of bytes, and scales, zero
// points and sums of codes for each group of a row.

#ifndef QLLM_LIB_INTERPRETER_INTEGERROWS_H
#define QLLM_LIB_INTERPRETER_INTEGERROWS_H

#include "qllm/Interpreter/Quantized.h"

namespace qllm::interp {

/// How the rows of a quantized tensor (its last axis) are cut: `groups` of equal length that each
/// have a scale of their own.
struct RowGroups {
  int64_t rows = 0, depth = 0, groups = 0;
  /// Position of a group's scale among all.
  int64_t scaleOf(int64_t row, int64_t group) const {
    return groups > 1 ? row * groups + group : row / rowsPerScale;
  }
  int64_t rowsPerScale = 1;
};

/// Nothing when the elements are no integers, groups do not lie within rows, rows are too long for
/// exact sums, or a zero point is beyond what `dequantizeGroups` accepts.
std::optional<RowGroups> integerRowGroups(const QuantizedTensor &tensor);

/// The left operand: unsigned codes, row by row; parameters [rows, groups].
struct IntegerActivation {
  RowGroups shape;
  Tensor codes;
  int largestCode = 0;
  /// Tensor scale included.
  std::vector<float> scales;
  std::vector<int32_t> zeroPoints;
};

/// The right operand: signed codes, row by row; parameters [groups, rows], as a product's columns
/// are its rows. Sums of codes are [segments, rows]: the groups of either operand, where the other
/// one has more of them.
struct IntegerWeight {
  RowGroups shape;
  int64_t segments = 1;
  Tensor codes;
  int largestCode = 0;
  std::vector<float> scales;
  /// Empty when all are zero.
  std::vector<int32_t> zeroPoints;
  std::vector<int32_t> sums;
  /// The largest |code - zero point| there can be.
  int64_t largestValue = 0;
};

IntegerActivation makeIntegerActivation(ThreadPool &pool, const QuantizedTensor &tensor,
                                        const RowGroups &shape);
/// Keeps its result with a tensor that keeps values. `segments` is a multiple of the groups.
std::shared_ptr<const IntegerWeight> makeIntegerWeight(ThreadPool &pool,
                                                       const QuantizedTensor &tensor,
                                                       const RowGroups &shape, int64_t segments);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_INTEGERROWS_H
