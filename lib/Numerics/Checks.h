// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every factorization asks of its input.

#ifndef QLLM_LIB_NUMERICS_CHECKS_H
#define QLLM_LIB_NUMERICS_CHECKS_H

#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"
#include <algorithm>
#include <cmath>

namespace qllm::detail {

/// LAPACK may not end on a NaN, so nothing that is not finite gets there.
inline llvm::Error checkFinite(const MatrixD &matrix) {
  const double *end = matrix.data() + matrix.size();
  const double *bad =
      std::find_if(matrix.data(), end, [](double value) { return !std::isfinite(value); });
  if (bad == end)
    return llvm::Error::success();
  long long index = bad - matrix.data(), columns = matrix.columns();
  return llvm::createStringError("expected finite values, but element (%lld, %lld) is %g",
                                 index / columns, index % columns, *bad);
}

inline llvm::Error checkSymmetricInput(const MatrixD &matrix) {
  if (matrix.rows() != matrix.columns())
    return llvm::createStringError("expected a square matrix, but got %lld rows and %lld columns",
                                   (long long)matrix.rows(), (long long)matrix.columns());
  return checkFinite(matrix);
}

} // namespace qllm::detail

#endif // QLLM_LIB_NUMERICS_CHECKS_H
