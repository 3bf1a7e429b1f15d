// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

// Matrices with outlier channels, the same in every run.

#ifndef QLLM_UNITTESTS_SOLVER_REASSEMBLY_SAMPLES_H
#define QLLM_UNITTESTS_SOLVER_REASSEMBLY_SAMPLES_H

#include "qllm/Support/Matrix.h"
#include <algorithm>
#include <cmath>
#include <random>

namespace qllm::test {

inline MatrixF randomMatrix(int64_t rows, int64_t columns, unsigned seed) {
  // The raw generator is specified bit by bit; the library's distributions are not.
  std::mt19937 generator(seed);
  MatrixF matrix(rows, columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) {
      double sum = 0;
      for (int k = 0; k < 4; ++k)
        sum += double(generator()) / 4294967296.0 - 0.5;
      matrix(i, j) = float(1.7 * sum);
    }
  return matrix;
}

/// Channels 3, 3 + every, ... are `factor` times as large as the others.
inline MatrixF withOutliers(MatrixF matrix, int64_t every, float factor) {
  for (int64_t i = 0; i < matrix.rows(); ++i)
    for (int64_t j = 3; j < matrix.columns(); j += every)
      matrix(i, j) *= factor;
  return matrix;
}

/// Rows to asymmetric min-max integers and back.
inline void fakeQuantize(MatrixF &matrix, int bits) {
  float levels = float((1 << bits) - 1);
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    auto row = matrix.rowValues(i);
    float low = *std::min_element(row.begin(), row.end());
    float high = *std::max_element(row.begin(), row.end());
    float scale = std::max((high - low) / levels, 1e-8f), zero = std::nearbyint(-low / scale);
    for (float &value : row)
      value = (std::clamp(std::nearbyint(value / scale) + zero, 0.0f, levels) - zero) * scale;
  }
}

/// x w^T.
inline MatrixD product(const MatrixF &x, const MatrixF &w) {
  MatrixD result(x.rows(), w.rows());
  for (int64_t i = 0; i < x.rows(); ++i)
    for (int64_t n = 0; n < w.rows(); ++n)
      for (int64_t j = 0; j < x.columns(); ++j)
        result(i, n) += double(x(i, j)) * w(n, j);
  return result;
}

inline double squaredDistance(const MatrixD &a, const MatrixD &b) {
  double sum = 0;
  for (int64_t i = 0; i < a.size(); ++i)
    sum += (a.data()[i] - b.data()[i]) * (a.data()[i] - b.data()[i]);
  return sum;
}

inline MatrixD gramOf(const MatrixF &x) {
  MatrixD gram(x.columns(), x.columns());
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t i = 0; i < x.columns(); ++i)
      for (int64_t j = 0; j < x.columns(); ++j)
        gram(i, j) += double(x(t, i)) * x(t, j);
  return gram;
}

} // namespace qllm::test

#endif // QLLM_UNITTESTS_SOLVER_REASSEMBLY_SAMPLES_H
