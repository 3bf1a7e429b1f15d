// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loops are ordered so that the innermost one runs over neighbouring elements and has no sum in it:
// compilers vectorize it without changing the order of any sum.

#include "qllm/Numerics/Rotation.h"
#include <algorithm>
#include <cmath>

using namespace qllm;

namespace {

/// y += a x
void addScaled(float a, const float *x, float *y, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] += a * x[i];
}

/// One part with stride 1 and R^T: dot products, in eight interleaved sums.
void multiplyByTransposed(const float *matrix, int64_t size, const float *x, float *y) {
  for (int64_t j = 0; j < size; ++j) {
    const float *row = matrix + j * size;
    float sums[8] = {};
    int64_t k = 0;
    for (; k + 8 <= size; k += 8)
      for (int64_t lane = 0; lane < 8; ++lane)
        sums[lane] += x[k + lane] * row[k + lane];
    for (; k < size; ++k)
      sums[k % 8] += x[k] * row[k];
    y[j] =
        ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  }
}

void rotatePart(const float *matrix, int64_t size, int64_t stride, bool inverse, const float *x,
                float *y) {
  if (stride == 1 && inverse)
    return multiplyByTransposed(matrix, size, x, y);
  std::fill_n(y, size * stride, 0.0f);
  if (stride == 1) {
    for (int64_t k = 0; k < size; ++k)
      addScaled(x[k], matrix + k * size, y, size);
    return;
  }
  for (int64_t j = 0; j < size; ++j)
    for (int64_t k = 0; k < size; ++k)
      addScaled(inverse ? matrix[j * size + k] : matrix[k * size + j], x + k * stride,
                y + j * stride, stride);
}

} // namespace

void qllm::rotateRow(llvm::ArrayRef<float> matrix, int64_t size, int64_t stride, bool inverse,
                     llvm::ArrayRef<float> input, llvm::MutableArrayRef<float> output) {
  int64_t part = size * stride;
  for (int64_t begin = 0; begin < int64_t(input.size()); begin += part)
    rotatePart(matrix.data(), size, stride, inverse, input.data() + begin, output.data() + begin);
}

void qllm::hadamardRow(int64_t size, int64_t stride, llvm::MutableArrayRef<float> row) {
  if (row.empty())
    return;
  int64_t part = size * stride, count = row.size();
  // H of 2m rows is [[H, H], [H, -H]] with H of m rows: sums and differences at every distance.
  for (int64_t distance = stride; distance < part; distance *= 2)
    for (int64_t begin = 0; begin < count; begin += 2 * distance) {
      float *low = row.data() + begin, *high = low + distance;
      for (int64_t i = 0; i < distance; ++i) {
        float a = low[i], b = high[i];
        low[i] = a + b;
        high[i] = a - b;
      }
    }
  float scale = 1.0f / std::sqrt(float(size));
  for (float &x : row)
    x *= scale;
}
