// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the rows of a matrix are quantized: a format and who shares a scale.

#ifndef QLLM_SOLVER_ROWFORMAT_H
#define QLLM_SOLVER_ROWFORMAT_H

#include "qllm/Format/Quantize.h"

namespace qllm {

/// How the rows of a matrix become codes.
struct RowFormat {
  QuantizeSpec spec;
  /// Elements of a row that share a scale; 0 for the whole row.
  int64_t groupSize = 0;
  /// One scale for the whole matrix (`groupSize` is then 0).
  bool perTensor = false;

  /// Groups of a row of `columns` elements; the last one may be shorter.
  int64_t groupsOf(int64_t columns) const {
    return groupSize > 0 ? (columns + groupSize - 1) / groupSize : 1;
  }
  int64_t groupLength(int64_t columns) const { return groupSize > 0 ? groupSize : columns; }
};

/// Integers with `bits` bits (2 to 8) and one scale a row: what tests and small tools need.
inline RowFormat integerRows(unsigned bits, bool symmetric, int64_t groupSize = 0) {
  RowFormat format;
  format.spec.element = ElementFormat::integer(bits, symmetric);
  format.spec.symmetric = symmetric;
  format.groupSize = groupSize;
  return format;
}

} // namespace qllm

#endif // QLLM_SOLVER_ROWFORMAT_H
