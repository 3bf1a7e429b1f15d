// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Matrices for tests: the same on every machine.

#ifndef QLLM_UNITTESTS_SOLVER_RANDOMMATRIX_H
#define QLLM_UNITTESTS_SOLVER_RANDOMMATRIX_H

#include "qllm/Support/Matrix.h"
#include <random>

namespace qllm {

/// Roughly normal numbers.
template <typename T = float> Matrix<T> randomMatrix(int64_t rows, int64_t columns, uint64_t seed) {
  std::mt19937_64 engine(seed);
  Matrix<T> result(rows, columns);
  for (int64_t i = 0; i < result.size(); ++i) {
    double sum = 0;
    for (int k = 0; k < 6; ++k)
      sum += double(engine() >> 11) * 0x1p-53 - 0.5;
    result.data()[i] = T(1.4 * sum);
  }
  return result;
}

/// Tokens whose channels have different sizes and depend on each other, as those of models.
inline MatrixF activations(int64_t tokens, int64_t channels, uint64_t seed) {
  MatrixF x = randomMatrix(tokens, channels, seed);
  for (int64_t i = 0; i < tokens; ++i) {
    float shared = x(i, 0);
    for (int64_t j = 0; j < channels; ++j)
      x(i, j) = (x(i, j) + 0.7f * shared) * (j % 7 == 3 ? 6.0f : 1.0f) + 0.3f * float(j % 5);
  }
  return x;
}

} // namespace qllm

#endif // QLLM_UNITTESTS_SOLVER_RANDOMMATRIX_H
