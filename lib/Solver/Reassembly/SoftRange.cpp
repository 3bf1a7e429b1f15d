// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// With S_t the sum of |x_tj / (rms_t T_j)|^p over channels, the range is the sum of S_t^(2/p), and
// one more copy shrinks channel j's part of every S_t by the factor (T_j / (T_j + 1))^p.

#include "SoftRange.h"

#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"
#include "qllm/Tensor/VectorMath.h"
#include <algorithm>
#include <cmath>
#include <numeric>

using namespace qllm;

float qllm::rootMeanSquare(llvm::ArrayRef<float> row) {
  double mean = vec::sumOfSquares(row.data(), int64_t(row.size())) / double(row.size());
  return std::max(float(std::sqrt(mean)), 1e-30f);
}

SoftRange::SoftRange(ThreadPool &pool, const MatrixF &x, const SoftRangeOptions &options,
                     const std::vector<bool> &excluded)
    : pool(pool), norm(options.norm), counts(x.columns(), 1), shrink(x.columns(), 1.0f) {
  int64_t stride = std::max<int64_t>(1, x.rows() / std::max<int64_t>(1, options.tokens));
  std::vector<int64_t> chosen;
  for (int64_t t = 0; t < x.rows(); t += stride)
    if (excluded.empty() || !excluded[t])
      chosen.push_back(t);
  powers = MatrixF(int64_t(chosen.size()), x.columns());
  pool.forRange(powers.rows(), 64, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float divisor = rootMeanSquare(x.rowValues(chosen[row]));
      for (int64_t j = 0; j < x.columns(); ++j)
        powers(row, j) =
            float(std::pow(std::fabs(double(x(chosen[row], j))) / divisor, options.norm));
    }
  });
}

std::vector<float> SoftRange::tokenSums() {
  std::vector<float> sums(powers.rows());
  if (!sums.empty())
    matmul(pool, powers.rows(), 1, powers.columns(), 1.0f, {powers.data(), powers.columns()},
           {shrink.data(), 1}, 0.0f, sums.data(), 1);
  return sums;
}

double SoftRange::value() {
  double total = 0;
  for (float sum : tokenSums())
    total += std::pow(double(sum), 2 / norm);
  return total;
}

std::vector<float> SoftRange::gains() {
  std::vector<float> sums = tokenSums(), gains(counts.size(), 0.0f);
  for (float &sum : sums)
    sum = sum > 0 ? float(std::pow(double(sum), 2 / norm - 1)) : 0.0f;
  if (!sums.empty())
    matmul(pool, 1, powers.columns(), powers.rows(), 1.0f, {sums.data(), powers.rows()},
           {powers.data(), powers.columns()}, 0.0f, gains.data(), powers.columns());
  for (size_t j = 0; j < gains.size(); ++j) {
    double fall = 1 - std::pow(double(counts[j]) / double(counts[j] + 1), norm);
    // d(S^(2/p)) = 2/p S^(2/p - 1) dS.
    gains[j] = float(2 / norm * gains[j] * shrink[j] * fall);
  }
  return gains;
}

void SoftRange::addCopy(int64_t channel) {
  ++counts[channel];
  shrink[channel] = float(std::pow(double(counts[channel]), -norm));
}

void SoftRange::addBest(int64_t copies) {
  std::vector<float> gain = gains();
  std::vector<int64_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + copies, order.end(), [&](int64_t a, int64_t b) {
    return gain[a] != gain[b] ? gain[a] > gain[b] : a < b;
  });
  for (int64_t i = 0; i < copies; ++i)
    addCopy(order[i]);
}
