// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of matrices in double, and moments of float data accumulated in double. Work is cut by
// the sizes alone: the same bits for any number of threads.

#ifndef QLLM_NUMERICS_PRODUCTS_H
#define QLLM_NUMERICS_PRODUCTS_H

#include "qllm/Support/Matrix.h"

namespace qllm {

class ThreadPool;

/// A row-major matrix of doubles, possibly read transposed: element (r, c) is data[r * stride + c],
/// or data[c * stride + r].
struct DoubleView {
  const double *data;
  int64_t stride;
  bool transposed = false;
};

/// out[rows, columns] = alpha * left[rows, depth] * right[depth, columns] + beta * out. `out` must
/// not overlap the operands; with `beta` 0 it is not read.
void multiply(ThreadPool &pool, int64_t rows, int64_t columns, int64_t depth, double alpha,
              DoubleView left, DoubleView right, double beta, double *out, int64_t outStride);

/// left * right, left^T * right, left * right^T.
MatrixD product(ThreadPool &pool, const MatrixD &left, const MatrixD &right);
MatrixD productTransposedLeft(ThreadPool &pool, const MatrixD &left, const MatrixD &right);
MatrixD productTransposedRight(ThreadPool &pool, const MatrixD &left, const MatrixD &right);

/// left * right^T in float: what a linear layer of weight `right` makes of the rows of `left`.
MatrixF applyWeight(ThreadPool &pool, const MatrixF &left, const MatrixF &right);

/// x^T x [columns, columns]. Products and sums over 512 rows are float, everything beyond is
/// double: a second moment of any number of tokens keeps the precision of one of 512.
MatrixD gram(ThreadPool &pool, const MatrixF &x);

/// x^T y [columns of x, columns of y], in the same way. Both have the same number of rows.
MatrixD crossMoment(ThreadPool &pool, const MatrixF &x, const MatrixF &y);

MatrixD toDouble(const MatrixF &matrix);
MatrixF toFloat(const MatrixD &matrix);
template <typename T> Matrix<T> transposed(const Matrix<T> &matrix) {
  Matrix<T> result(matrix.columns(), matrix.rows());
  for (int64_t i = 0; i < matrix.rows(); ++i)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      result(j, i) = matrix(i, j);
  return result;
}

/// Rows [begin, begin + count) as a matrix of their own.
template <typename T> Matrix<T> rowsOf(const Matrix<T> &matrix, int64_t begin, int64_t count) {
  return Matrix<T>(count, matrix.columns(),
                   llvm::ArrayRef<T>(matrix.row(begin), size_t(count * matrix.columns())));
}

} // namespace qllm

#endif // QLLM_NUMERICS_PRODUCTS_H
