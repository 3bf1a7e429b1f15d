// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges of groups of weights: the step from values to scales and zero points.

#ifndef QLLM_SOLVER_WEIGHTRANGE_H
#define QLLM_SOLVER_WEIGHTRANGE_H

#include "qllm/Solver/RowFormat.h"
#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

enum class RangeMethod {
  MinMax,     ///< everything is in range
  Percentile, ///< the quantiles 1 - p and p of the group (of the magnitude for symmetric formats)
  MSE,        ///< the ratio of min and max with the least sum of (w - w^)^2
  Hessian,    ///< the same, column j weighted by H_jj
  Output, ///< the ratio with the least (w - w^) H_gg (w - w^)^T, H_gg the group's own block of H
};

struct RangeOptions {
  RangeMethod method = RangeMethod::MinMax;
  /// Of `Percentile`.
  double percentile = 0.999;
  /// What min and max are multiplied by, besides 1, in the order of trial; the first of equals
  /// stays. Empty for the usual ones: 0.96, 0.92, ... 0.52 for integers and code books; 1.5, 1.25,
  /// 0.9, 0.8, 0.7 for floating-point elements, whose scales are themselves rounded.
  std::vector<float> ratios;

  bool needsHessian() const {
    return method == RangeMethod::Hessian || method == RangeMethod::Output;
  }
};

/// Scales of a matrix, one column a group (one column for a scale of the whole matrix).
struct WeightScales {
  MatrixF scales;
  Matrix<int32_t> zeroPoints;
  /// NVFP4: the second scale, of the whole matrix.
  float tensorScale = 1;

  GroupParameters at(int64_t row, int64_t group) const {
    return {scales(row, group), zeroPoints(row, group)};
  }
};

/// Scales for the rows of `weight`. `hessian` (x^T x of its input) may be null where the method
/// does not need it. An error on values that are not finite, and on a missing Hessian.
llvm::Expected<WeightScales> chooseScales(ThreadPool &pool, const MatrixF &weight,
                                          const RowFormat &format, const RangeOptions &options,
                                          const MatrixD *hessian);

} // namespace qllm

#endif // QLLM_SOLVER_WEIGHTRANGE_H
