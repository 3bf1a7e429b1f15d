// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Single-precision matrix products.

#ifndef QLLM_TENSOR_GEMM_H
#define QLLM_TENSOR_GEMM_H

#include <cstdint>

namespace qllm {

class ThreadPool;

/// A row-major matrix, possibly stored transposed: element (r, c) is data[r * stride + c], or
/// data[c * stride + r].
struct MatrixView {
  const float *data;
  int64_t stride;
  bool transposed = false;
};

/// out[rows, columns] = alpha * left[rows, depth] * right[depth, columns] + beta * out. The product
/// is cut into pieces by its sizes alone, so that the bits of the result do not depend on the
/// number of threads.
void matmul(ThreadPool &pool, int64_t rows, int64_t columns, int64_t depth, float alpha,
            MatrixView left, MatrixView right, float beta, float *out, int64_t outStride);

/// The same in the calling thread.
void matmul(int64_t rows, int64_t columns, int64_t depth, float alpha, MatrixView left,
            MatrixView right, float beta, float *out, int64_t outStride);

} // namespace qllm

#endif // QLLM_TENSOR_GEMM_H
