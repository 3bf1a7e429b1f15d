// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Least squares with the second moments of data instead of the data.

#ifndef QLLM_SOLVER_REGRESSION_H
#define QLLM_SOLVER_REGRESSION_H

#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

/// Ridge regression on x with H = x^T x: the W that minimizes
/// sum |W x - y|^2 + ridge mean(H_jj) |W|^2 is ((H + ridge mean(H_jj) I)^-1 x^T y)^T.
class RidgeRegression {
public:
  /// Fails when H with its ridge is not positive definite.
  static llvm::Expected<RidgeRegression> create(ThreadPool &pool, MatrixD hessian, double ridge);

  /// W [outputs, channels] from the moment x^T y [channels, outputs].
  MatrixD solve(ThreadPool &pool, MatrixD moment) const;
  /// L with L L^T = H + ridge: the metric in which the regression measures weights.
  const MatrixD &factor() const { return lower; }

private:
  MatrixD lower;
};

/// Gains s of a norm in front of layers whose weights were rounded from W to Q: the minimum of
/// sum |W x - Q diag(s) x|^2 + ridge mean |s - 1|^2, which solves
/// (H o Q^T Q + l I) s = diag(H W^T Q) + l 1 with l = ridge times the mean of the diagonal. The
/// closed form of Norm Tweaking (arXiv 2309.02784), whose gains are found by gradients. `weight`
/// and `rounded` hold all layers that the norm feeds, below each other.
llvm::Expected<std::vector<double>> normGains(ThreadPool &pool, const MatrixD &hessian,
                                              const MatrixF &weight, const MatrixF &rounded,
                                              double ridge = 0.01);

} // namespace qllm

#endif // QLLM_SOLVER_REGRESSION_H
