// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Regression.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"

using namespace qllm;

llvm::Expected<RidgeRegression> RidgeRegression::create(ThreadPool &pool, MatrixD hessian,
                                                        double ridge) {
  addRelativeDiagonal(hessian, ridge);
  llvm::Expected<MatrixD> lower = cholesky(pool, std::move(hessian));
  if (!lower)
    return lower.takeError();
  RidgeRegression result;
  result.lower = std::move(*lower);
  return result;
}

MatrixD RidgeRegression::solve(ThreadPool &pool, MatrixD moment) const {
  return transposed(choleskySolve(pool, lower, std::move(moment)));
}

llvm::Expected<std::vector<double>> qllm::normGains(ThreadPool &pool, const MatrixD &hessian,
                                                    const MatrixF &weight, const MatrixF &rounded,
                                                    double ridge) {
  int64_t n = hessian.rows();
  MatrixD q = toDouble(rounded);
  MatrixD system = productTransposedLeft(pool, q, q);
  MatrixD cross = productTransposedLeft(pool, toDouble(weight), q);
  MatrixD right(n, 1);
  double trace = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      system(i, j) *= hessian(i, j);
      right(i, 0) += hessian(i, j) * cross(j, i);
    }
    trace += system(i, i);
  }
  if (trace == 0) // no input, or no weights: nothing to make up for
    return std::vector<double>(size_t(n), 1);
  double damping = ridge * trace / double(n);
  for (int64_t i = 0; i < n; ++i) {
    system(i, i) += damping;
    right(i, 0) += damping;
  }
  llvm::Expected<MatrixD> lower = cholesky(pool, std::move(system));
  if (!lower)
    return lower.takeError();
  MatrixD gains = choleskySolve(pool, *lower, std::move(right));
  return std::vector<double>(gains.values().begin(), gains.values().end());
}
