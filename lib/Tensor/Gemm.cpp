// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The products are oneDNN's. Its own threads stay unused: pieces run in the pool, each in one
// thread.

#include "qllm/Tensor/Gemm.h"
#include "OneThread.h"
#include "qllm/Support/ThreadPool.h"
#include <algorithm>
#include <dlfcn.h>
#include <oneapi/dnnl/dnnl.h>

using namespace qllm;

void qllm::useOneOpenMPThread() {
  thread_local bool done = false;
  if (done)
    return;
  done = true;
  if (void *setter = dlsym(RTLD_DEFAULT, "omp_set_num_threads"))
    reinterpret_cast<void (*)(int)>(setter)(1);
}

static void plainMatmul(int64_t rows, int64_t columns, int64_t depth, float alpha, MatrixView left,
                        MatrixView right, float beta, float *out, int64_t outStride) {
  auto at = [](const MatrixView &view, int64_t row, int64_t column) {
    return view.transposed ? view.data[column * view.stride + row]
                           : view.data[row * view.stride + column];
  };
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      float sum = 0;
      for (int64_t k = 0; k < depth; ++k)
        sum += at(left, row, k) * at(right, k, column);
      float &slot = out[row * outStride + column];
      slot = beta == 0 ? alpha * sum : alpha * sum + beta * slot;
    }
}

void qllm::matmul(int64_t rows, int64_t columns, int64_t depth, float alpha, MatrixView left,
                  MatrixView right, float beta, float *out, int64_t outStride) {
  if (rows == 0 || columns == 0)
    return;
  useOneOpenMPThread();
  dnnl_status_t status = dnnl_invalid_arguments;
  if (depth >
      0) // oneDNN takes strides of at least 1, and does not clear the result of an empty sum
    status =
        dnnl_sgemm(left.transposed ? 'T' : 'N', right.transposed ? 'T' : 'N', rows, columns, depth,
                   alpha, left.data, std::max<int64_t>(left.stride, 1), right.data,
                   std::max<int64_t>(right.stride, 1), beta, out, std::max<int64_t>(outStride, 1));
  if (status != dnnl_success)
    plainMatmul(rows, columns, depth, alpha, left, right, beta, out, outStride);
}

void qllm::matmul(ThreadPool &pool, int64_t rows, int64_t columns, int64_t depth, float alpha,
                  MatrixView left, MatrixView right, float beta, float *out, int64_t outStride) {
  // Pieces of a few milliseconds keep threads evenly busy; the operand that is not cut is packed
  // again for each piece, so the longer side is cut, and into few pieces.
  constexpr double pieceWork = 4e7;
  double work = 2.0 * double(rows) * double(columns) * double(std::max<int64_t>(depth, 1));
  int64_t pieces = std::clamp<int64_t>(int64_t(work / pieceWork), 1, 16);
  bool cutColumns = columns >= rows;
  int64_t length = cutColumns ? columns : rows;
  int64_t grain =
      ((length + pieces - 1) / pieces + 47) / 48 * 48; // a multiple of the register tile
  pool.forRange(length, grain, [&](int64_t begin, int64_t end) {
    MatrixView a = left, b = right;
    float *piece = out;
    if (cutColumns) {
      b.data += b.transposed ? begin * b.stride : begin;
      piece += begin;
      matmul(rows, end - begin, depth, alpha, a, b, beta, piece, outStride);
    } else {
      a.data += a.transposed ? begin : begin * a.stride;
      piece += begin * outStride;
      matmul(end - begin, columns, depth, alpha, a, b, beta, piece, outStride);
    }
  });
}
