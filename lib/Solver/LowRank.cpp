// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/LowRank.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Eigen.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Solver/Regression.h"
#include "qllm/Solver/RowFormat.h"
#include <cmath>

using namespace qllm;

llvm::Expected<LowRankFactors> qllm::lowRank(ThreadPool &pool, const MatrixD &error,
                                             const MatrixD *metric, int64_t rank, uint64_t seed) {
  llvm::Expected<SingularTriples> triples =
      topSingular(pool, metric ? product(pool, error, *metric) : error, rank, seed);
  if (!triples)
    return triples.takeError();
  // Directions without energy come back as zeros or noise; left vectors must stay orthonormal.
  orthonormalizeRows(triples->left);
  LowRankFactors factors;
  factors.down = toFloat(product(pool, triples->left, error));
  factors.up = toFloat(transposed(triples->left));
  return factors;
}

llvm::Expected<LowRankFactors> qllm::lowRankOfGram(ThreadPool &pool, const MatrixF &weight,
                                                   const MatrixD &gram, int64_t rank,
                                                   uint64_t seed) {
  llvm::Expected<EigenPairs> pairs = topEigen(pool, gram, rank, seed);
  if (!pairs)
    return pairs.takeError();
  LowRankFactors factors;
  factors.down = toFloat(pairs->vectors);
  factors.up = applyWeight(pool, weight, factors.down);
  return factors;
}

llvm::Expected<LowRankFactors> qllm::reducedRankRegression(ThreadPool &pool,
                                                           const RidgeRegression &fit,
                                                           MatrixD moment, int64_t rank,
                                                           uint64_t seed) {
  int64_t rows = moment.columns(), smaller = std::min(rows, moment.rows());
  // Subspace iteration pays where the subspace is thin.
  if (8 * rank + 128 > smaller)
    return lowRank(pool, fit.solve(pool, std::move(moment)), &fit.factor(), rank, seed);
  // (H + ridge)^-1 D^T V^T for rows V.
  auto solved = [&](const MatrixD &vectors) {
    return choleskySolve(pool, fit.factor(), productTransposedRight(pool, moment, vectors));
  };
  auto apply = [&](const MatrixD &vectors) {
    return productTransposedLeft(pool, solved(vectors), moment);
  };
  llvm::Expected<EigenPairs> pairs = topEigen(pool, rows, apply, rank, seed, /*iterations=*/4);
  if (!pairs)
    return pairs.takeError();
  // As in `lowRank`: directions without energy are noise.
  orthonormalizeRows(pairs->vectors);
  return LowRankFactors{toFloat(transposed(solved(pairs->vectors))),
                        toFloat(transposed(pairs->vectors))};
}

int64_t qllm::rankForBudget(int64_t rows, int64_t channels, double budget) {
  if (!(budget > 0) || rows + channels == 0)
    return 0;
  double rank = budget * double(rows) * double(channels) / double(rows + channels);
  return std::min(int64_t(rank), std::min(rows, channels));
}

MatrixF qllm::roundFactor(const MatrixF &factor, int64_t bits) {
  if (bits >= 16)
    return factor;
  MatrixF result = factor;
  float steps = float((1 << (bits - 1)) - 1);
  for (int64_t i = 0; i < factor.rows(); ++i) {
    float largest = 0;
    for (float value : factor.rowValues(i))
      largest = std::max(largest, std::fabs(value));
    float scale = std::max(largest / steps, scaleFloor);
    for (float &value : result.rowValues(i))
      value = scale * std::nearbyint(value / scale);
  }
  return result;
}
