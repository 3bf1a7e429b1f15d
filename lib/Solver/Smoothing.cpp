// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Maxima do not depend on the order of rows, so nothing here depends on threads.

#include "qllm/Solver/Smoothing.h"
#include <algorithm>
#include <cmath>

using namespace qllm;

std::vector<float> qllm::columnMaxima(const MatrixF &matrix) {
  std::vector<float> maxima(size_t(matrix.columns()), 0.0f);
  for (int64_t row = 0; row < matrix.rows(); ++row)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      maxima[size_t(j)] = std::max(maxima[size_t(j)], std::fabs(matrix(row, j)));
  return maxima;
}

std::vector<float> qllm::smoothingFactors(llvm::ArrayRef<float> inputMaxima,
                                          llvm::ArrayRef<float> weightMaxima, double alpha) {
  std::vector<float> factors;
  for (size_t j = 0; j < inputMaxima.size(); ++j) {
    double input = std::max(1e-5, double(inputMaxima[j]));
    double weight = std::max(1e-5, double(weightMaxima[j]));
    factors.push_back(float(std::max(1e-4, std::pow(input, alpha) / std::pow(weight, 1 - alpha))));
  }
  return factors;
}
