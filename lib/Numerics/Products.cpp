// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Numerics/Products.h"
#include "DoubleKernels.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"
#include <algorithm>

using namespace qllm;
using detail::tileColumns;
using detail::tileRows;

namespace {

// A piece of the right operand (depth x columns) of half a megabyte is packed once for each block
// of rows.
constexpr int64_t depthBlock = 256, rowBlock = 192, columnBlock = 256;

/// Rows [begin, begin + count) of the left operand, columns [from, from + depth), in strips of
/// `tile` rows, zero-padded: element (i, k) of a strip at k * tile + i.
void pack(DoubleView view, int64_t begin, int64_t count, int64_t from, int64_t depth, int64_t tile,
          double *out) {
  for (int64_t strip = 0; strip < count; strip += tile, out += tile * depth) {
    int64_t filled = std::min(tile, count - strip);
    if (filled < tile)
      std::fill_n(out, tile * depth, 0.0);
    if (view.transposed)
      for (int64_t k = 0; k < depth; ++k)
        std::copy_n(view.data + (from + k) * view.stride + begin + strip, filled, out + k * tile);
    else
      for (int64_t i = 0; i < filled; ++i) {
        const double *row = view.data + (begin + strip + i) * view.stride + from;
        for (int64_t k = 0; k < depth; ++k)
          out[k * tile + i] = row[k];
      }
  }
}

/// One block of the result: rows [r, r + rows), columns [c, c + columns).
struct Block {
  int64_t row, rows, column, columns;
};

void multiplyBlock(const Block &block, int64_t depth, double alpha, DoubleView left,
                   DoubleView right, double beta, double *out, int64_t outStride) {
  static const detail::TileKernel kernel = detail::bestTileKernel();
  thread_local std::vector<double> packedLeft, packedRight;
  packedLeft.resize(size_t((rowBlock + tileRows) * depthBlock));
  packedRight.resize(size_t((columnBlock + tileColumns) * depthBlock));
  alignas(64) double tile[tileRows * tileColumns];
  DoubleView rightTransposed{right.data, right.stride, !right.transposed};
  for (int64_t i = 0; i < block.rows; ++i) {
    double *row = out + (block.row + i) * outStride + block.column;
    if (beta == 0)
      std::fill_n(row, block.columns, 0.0);
    else if (beta != 1)
      std::for_each(row, row + block.columns, [beta](double &value) { value *= beta; });
  }
  for (int64_t from = 0; from < depth; from += depthBlock) {
    int64_t length = std::min(depthBlock, depth - from);
    pack(left, block.row, block.rows, from, length, tileRows, packedLeft.data());
    pack(rightTransposed, block.column, block.columns, from, length, tileColumns,
         packedRight.data());
    for (int64_t c = 0; c < block.columns; c += tileColumns)
      for (int64_t r = 0; r < block.rows; r += tileRows) {
        kernel(length, packedLeft.data() + r * length, packedRight.data() + c * length, tile);
        int64_t rows = std::min(tileRows, block.rows - r);
        int64_t columns = std::min(tileColumns, block.columns - c);
        for (int64_t i = 0; i < rows; ++i) {
          double *row = out + (block.row + r + i) * outStride + block.column + c;
          for (int64_t j = 0; j < columns; ++j)
            row[j] += alpha * tile[i * tileColumns + j];
        }
      }
  }
}

MatrixD viewProduct(ThreadPool &pool, int64_t rows, int64_t columns, int64_t depth, DoubleView left,
                    DoubleView right) {
  MatrixD result(rows, columns);
  multiply(pool, rows, columns, depth, 1, left, right, 0, result.data(), columns);
  return result;
}

// Tiles of moments, and the rows that are summed in float.
constexpr int64_t momentTile = 192, momentRows = 512;

/// Tile (i, j) of x^T y, added up in double.
void momentOfTile(const MatrixF &x, const MatrixF &y, int64_t i, int64_t j, MatrixD &result) {
  int64_t rows = std::min(momentTile, x.columns() - i);
  int64_t columns = std::min(momentTile, y.columns() - j);
  std::vector<float> part(size_t(rows * columns));
  for (int64_t first = 0; first < x.rows(); first += momentRows) {
    int64_t depth = std::min(momentRows, x.rows() - first);
    matmul(rows, columns, depth, 1, {x.row(first) + i, x.columns(), true},
           {y.row(first) + j, y.columns(), false}, 0, part.data(), columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        result(i + r, j + c) += part[size_t(r * columns + c)];
  }
}

} // namespace

void qllm::multiply(ThreadPool &pool, int64_t rows, int64_t columns, int64_t depth, double alpha,
                    DoubleView left, DoubleView right, double beta, double *out,
                    int64_t outStride) {
  if (rows <= 0 || columns <= 0)
    return;
  int64_t down = (rows + rowBlock - 1) / rowBlock,
          across = (columns + columnBlock - 1) / columnBlock;
  pool.run(down * across, [&](int64_t task) {
    int64_t r = task % down * rowBlock, c = task / down * columnBlock;
    Block block{r, std::min(rowBlock, rows - r), c, std::min(columnBlock, columns - c)};
    multiplyBlock(block, std::max<int64_t>(depth, 0), alpha, left, right, beta, out, outStride);
  });
}

MatrixD qllm::product(ThreadPool &pool, const MatrixD &left, const MatrixD &right) {
  return viewProduct(pool, left.rows(), right.columns(), left.columns(),
                     {left.data(), left.columns()}, {right.data(), right.columns()});
}

MatrixD qllm::productTransposedLeft(ThreadPool &pool, const MatrixD &left, const MatrixD &right) {
  return viewProduct(pool, left.columns(), right.columns(), left.rows(),
                     {left.data(), left.columns(), true}, {right.data(), right.columns()});
}

MatrixD qllm::productTransposedRight(ThreadPool &pool, const MatrixD &left, const MatrixD &right) {
  return viewProduct(pool, left.rows(), right.rows(), left.columns(), {left.data(), left.columns()},
                     {right.data(), right.columns(), true});
}

MatrixF qllm::applyWeight(ThreadPool &pool, const MatrixF &left, const MatrixF &right) {
  MatrixF result(left.rows(), right.rows());
  matmul(pool, left.rows(), right.rows(), left.columns(), 1, {left.data(), left.columns(), false},
         {right.data(), right.columns(), true}, 0, result.data(), right.rows());
  return result;
}

MatrixD qllm::gram(ThreadPool &pool, const MatrixF &x) {
  MatrixD result(x.columns(), x.columns());
  std::vector<std::pair<int64_t, int64_t>> tiles;
  for (int64_t i = 0; i < x.columns(); i += momentTile)
    for (int64_t j = 0; j <= i; j += momentTile)
      tiles.push_back({i, j});
  pool.run(int64_t(tiles.size()), [&](int64_t tile) {
    momentOfTile(x, x, tiles[size_t(tile)].first, tiles[size_t(tile)].second, result);
  });
  // One triangle counts; products on the diagonal tiles may differ in their last bits.
  for (int64_t i = 0; i < x.columns(); ++i)
    for (int64_t j = 0; j < i; ++j)
      result(j, i) = result(i, j);
  return result;
}

MatrixD qllm::crossMoment(ThreadPool &pool, const MatrixF &x, const MatrixF &y) {
  MatrixD result(x.columns(), y.columns());
  int64_t down = (x.columns() + momentTile - 1) / momentTile,
          across = (y.columns() + momentTile - 1) / momentTile;
  pool.run(down * across, [&](int64_t tile) {
    momentOfTile(x, y, tile % down * momentTile, tile / down * momentTile, result);
  });
  return result;
}

MatrixD qllm::toDouble(const MatrixF &matrix) {
  MatrixD result(matrix.rows(), matrix.columns());
  std::copy_n(matrix.data(), matrix.size(), result.data());
  return result;
}

MatrixF qllm::toFloat(const MatrixD &matrix) {
  MatrixF result(matrix.rows(), matrix.columns());
  std::transform(matrix.data(), matrix.data() + matrix.size(), result.data(),
                 [](double value) { return float(value); });
  return result;
}
