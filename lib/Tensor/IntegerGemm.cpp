// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/IntegerGemm.h"
#include "OneThread.h"
#include <algorithm>
#include <oneapi/dnnl/dnnl.h>
#include <vector>

using namespace qllm;

namespace {

/// Without VNNI, oneDNN adds neighbouring products in 16 bits and saturates.
bool isExact(int leftMax, int rightMax) {
#if defined(__x86_64__)
  static const bool addsIn32Bits = __builtin_cpu_supports("avx512vnni");
  return addsIn32Bits || 2 * leftMax * rightMax <= INT16_MAX;
#else
  return true;
#endif
}

void plainMatmul(int64_t rows, int64_t columns, int64_t depth, const uint8_t *left,
                 int64_t leftStride, const int8_t *right, int64_t rightStride, int32_t *out,
                 int64_t outStride) {
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      int32_t sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += int32_t(left[row * leftStride + k]) * right[column * rightStride + k];
      out[row * outStride + column] = sum;
    }
}

void directMatmul(int64_t rows, int64_t columns, int64_t depth, const uint8_t *left,
                  int64_t leftStride, const int8_t *right, int64_t rightStride, int32_t *out,
                  int64_t outStride) {
  useOneOpenMPThread();
  const int32_t noOffset = 0;
  dnnl_status_t status = dnnl_invalid_arguments;
  if (depth > 0) // oneDNN takes strides of at least 1, and does not clear an empty sum
    status = dnnl_gemm_u8s8s32('N', 'T', 'F', rows, columns, depth, 1.0f, left, leftStride, 0,
                               right, rightStride, 0, 0.0f, out, outStride, &noOffset);
  if (status != dnnl_success)
    plainMatmul(rows, columns, depth, left, leftStride, right, rightStride, out, outStride);
}

} // namespace

void qllm::integerMatmul(int64_t rows, int64_t columns, int64_t depth, const uint8_t *left,
                         int64_t leftStride, int leftMax, const int8_t *right, int64_t rightStride,
                         int rightMax, int32_t *out, int64_t outStride) {
  if (rows == 0 || columns == 0)
    return;
  if (isExact(leftMax, rightMax))
    return directMatmul(rows, columns, depth, left, leftStride, right, rightStride, out, outStride);
  // Two products of half bytes, 16 h + l, whose sums of two fit.
  std::vector<uint8_t> half(size_t(rows * depth));
  std::vector<int32_t> high(size_t(rows * columns));
  auto extract = [&](int shift) {
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t k = 0; k < depth; ++k)
        half[row * depth + k] = left[row * leftStride + k] >> shift & 15;
  };
  extract(4);
  directMatmul(rows, columns, depth, half.data(), depth, right, rightStride, high.data(), columns);
  extract(0);
  directMatmul(rows, columns, depth, half.data(), depth, right, rightStride, out, outStride);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      out[row * outStride + column] += 16 * high[row * columns + column];
}
