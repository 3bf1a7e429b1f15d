// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/ChannelMap.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"
#include <algorithm>

using namespace qllm;

namespace {

// Rows that one task takes.
constexpr int64_t rowGrain = 64;

void rotateRows(const RotationFactor &factor, const float *x, int64_t rows, int64_t columns,
                float *y) {
  int64_t size = factor.size, stride = factor.stride;
  MatrixView matrix{factor.matrix.data(), size, false};
  if (stride == 1) { // every run of `size` channels, of all rows, in one product
    matmul(rows * columns / size, size, size, 1, {x, size, false}, matrix, 0, y, size);
    return;
  }
  matrix.transposed = true;
  for (int64_t at = 0; at < rows * columns; at += size * stride)
    matmul(size, stride, size, 1, matrix, {x + at, stride, false}, 0, y + at, stride);
}

MatrixF rotate(ThreadPool &pool, const ChannelMap &map, const MatrixF &x) {
  MatrixF result = x, next(x.rows(), x.columns());
  for (const RotationFactor &factor : map.factors) {
    pool.forRange(x.rows(), rowGrain, [&](int64_t begin, int64_t end) {
      rotateRows(factor, result.row(begin), end - begin, x.columns(), next.row(begin));
    });
    std::swap(result, next);
  }
  return result;
}

/// Sums of columns, each times its factor.
MatrixF merge(ThreadPool &pool, const ChannelMap &map, llvm::ArrayRef<float> factors,
              const MatrixF &x) {
  MatrixF result(x.rows(), map.width(x.columns()));
  pool.forRange(x.rows(), rowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      for (int64_t j = 0; j < x.columns(); ++j)
        result(row, map.indices[size_t(j)]) += factors[size_t(j)] * x(row, j);
  });
  return result;
}

} // namespace

int64_t ChannelMap::width(int64_t channels) const {
  if (kind != Kind::Merge)
    return channels;
  return indices.empty() ? 0 : *std::max_element(indices.begin(), indices.end()) + 1;
}

MatrixF qllm::applyMap(ThreadPool &pool, const ChannelMap &map, const MatrixF &x) {
  if (map.kind == ChannelMap::Kind::Rotate)
    return rotate(pool, map, x);
  if (map.kind == ChannelMap::Kind::Merge)
    return merge(pool, map, map.values, x);
  MatrixF result(x.rows(), x.columns());
  pool.forRange(x.rows(), rowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float *from = x.row(row);
      float *to = result.row(row);
      for (int64_t j = 0; j < x.columns(); ++j)
        switch (map.kind) {
        case ChannelMap::Kind::Shift:
          to[j] = from[j] - map.values[size_t(j)];
          break;
        case ChannelMap::Kind::Scale:
          to[j] = from[j] / map.values[size_t(j)];
          break;
        case ChannelMap::Kind::Permute:
          to[j] = from[map.indices[size_t(j)]];
          break;
        case ChannelMap::Kind::Rotate:
        case ChannelMap::Kind::Merge:
          break;
        }
    }
  });
  return result;
}

void qllm::absorbMap(ThreadPool &pool, const ChannelMap &map, MatrixF &weight,
                     std::vector<float> &bias) {
  switch (map.kind) {
  case ChannelMap::Kind::Shift:
    pool.forRange(weight.rows(), rowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        double sum = 0;
        for (int64_t j = 0; j < weight.columns(); ++j)
          sum += double(weight(row, j)) * map.values[size_t(j)];
        bias[size_t(row)] += float(sum);
      }
    });
    return;
  case ChannelMap::Kind::Scale:
    for (int64_t row = 0; row < weight.rows(); ++row)
      for (int64_t j = 0; j < weight.columns(); ++j)
        weight(row, j) *= map.values[size_t(j)];
    return;
  case ChannelMap::Kind::Permute:
  case ChannelMap::Kind::Rotate:
    // Orthogonal: what it does to the rows of x it does to the rows of W.
    weight = applyMap(pool, map, weight);
    return;
  case ChannelMap::Kind::Merge:
    weight = merge(pool, map, map.weightValues, weight);
    return;
  }
}
