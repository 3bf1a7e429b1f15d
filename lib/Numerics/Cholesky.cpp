// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Numerics/Cholesky.h"
#include "Checks.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include <algorithm>
#include <cmath>

using namespace qllm;

namespace {

// Products over blocks of `outerBlock` are long enough to run at full speed; inside such a block
// the scalar work is kept to blocks of `blockSize`.
constexpr int64_t blockSize = 64, outerBlock = 256, updateRows = 192;

/// Factors the diagonal block at `begin` in place; the pivot that is not positive, or -1.
int64_t factorBlock(MatrixD &a, int64_t begin, int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    double pivot = a(j, j);
    for (int64_t k = begin; k < j; ++k)
      pivot -= a(j, k) * a(j, k);
    // A pivot lost to rounding would give a factor without a digit that is right.
    if (!(pivot > 0) || !std::isfinite(pivot))
      return j;
    double root = std::sqrt(pivot);
    a(j, j) = root;
    for (int64_t i = j + 1; i < end; ++i) {
      double value = a(i, j);
      for (int64_t k = begin; k < j; ++k)
        value -= a(i, k) * a(j, k);
      a(i, j) = value / root;
    }
  }
  return -1;
}

/// The inverse of the lower triangular block of `a` at `begin`, row by row by substitution.
MatrixD inverseBlock(const MatrixD &a, int64_t begin, int64_t end) {
  int64_t n = end - begin;
  MatrixD inverse(n, n);
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t k = 0; k < i; ++k) {
      double factor = a(begin + i, begin + k);
      for (int64_t j = 0; j <= k; ++j)
        inverse(i, j) -= factor * inverse(k, j);
    }
    inverse(i, i) += 1;
    double scale = 1 / a(begin + i, begin + i);
    for (int64_t j = 0; j <= i; ++j)
      inverse(i, j) *= scale;
  }
  return inverse;
}

/// inverse[begin, end) from the same rows of `lower`:
/// [A 0; B C]^-1 = [A^-1 0; -C^-1 B A^-1, C^-1].
void invertRange(ThreadPool &pool, const MatrixD &lower, int64_t begin, int64_t end,
                 MatrixD &inverse) {
  int64_t n = end - begin, stride = lower.columns();
  if (n <= blockSize) {
    MatrixD block = inverseBlock(lower, begin, end);
    for (int64_t i = 0; i < n; ++i)
      std::copy_n(block.row(i), n, inverse.row(begin + i) + begin);
    return;
  }
  int64_t middle = begin + (n / 2 + blockSize - 1) / blockSize * blockSize;
  invertRange(pool, lower, begin, middle, inverse);
  invertRange(pool, lower, middle, end, inverse);
  int64_t top = middle - begin, bottom = end - middle;
  MatrixD part(bottom, top);
  multiply(pool, bottom, top, top, 1, {lower.row(middle) + begin, stride},
           {inverse.row(begin) + begin, stride}, 0, part.data(), top);
  multiply(pool, bottom, top, bottom, -1, {inverse.row(middle) + middle, stride},
           {part.data(), top}, 0, inverse.row(middle) + begin, stride);
}

} // namespace

namespace {

/// Factors rows and columns [begin, end) of `a` in place, in blocks of `size`, each of them in
/// blocks of `blockSize` in turn; the pivot that is not positive, or -1.
int64_t factorRange(ThreadPool &pool, MatrixD &a, int64_t begin, int64_t end, int64_t size) {
  int64_t n = a.columns();
  for (; begin < end; begin += size) {
    int64_t middle = std::min(end, begin + size), width = middle - begin, rest = end - middle;
    int64_t pivot = size > blockSize ? factorRange(pool, a, begin, middle, blockSize)
                                     : factorBlock(a, begin, middle);
    if (pivot >= 0 || rest == 0)
      return pivot;
    MatrixD diagonal(width, width), panel(rest, width);
    for (int64_t i = 0; i < width; ++i)
      std::copy_n(a.row(begin + i) + begin, i + 1, diagonal.row(i));
    MatrixD inverse = inverseLower(pool, diagonal);
    multiply(pool, rest, width, width, 1, {a.row(middle) + begin, n}, {inverse.data(), width, true},
             0, panel.data(), width);
    for (int64_t i = 0; i < rest; ++i)
      std::copy_n(panel.row(i), width, a.row(middle + i) + begin);
    // What lies above the diagonal by less than a block is computed for nothing.
    for (int64_t row = 0; row < rest; row += updateRows) {
      int64_t rows = std::min(updateRows, rest - row);
      multiply(pool, rows, row + rows, width, -1, {panel.row(row), width},
               {panel.data(), width, true}, 1, a.row(middle + row) + middle, n);
    }
  }
  return -1;
}

} // namespace

llvm::Expected<MatrixD> qllm::cholesky(ThreadPool &pool, MatrixD a) {
  if (llvm::Error error = detail::checkSymmetricInput(a))
    return std::move(error);
  int64_t n = a.rows();
  if (int64_t pivot = factorRange(pool, a, 0, n, outerBlock); pivot >= 0)
    return llvm::createStringError(
        "expected a positive definite matrix, but pivot %lld of %lld is not positive",
        (long long)pivot, (long long)n);
  for (int64_t i = 0; i < n; ++i)
    std::fill(a.row(i) + i + 1, a.row(i) + n, 0.0);
  return a;
}

llvm::Expected<MatrixD> qllm::semidefiniteCholesky(ThreadPool &pool, const MatrixD &matrix,
                                                   double fraction) {
  constexpr double largest = 0.01;
  for (;; fraction *= 100) {
    MatrixD damped = matrix;
    addRelativeDiagonal(damped, std::min(fraction, largest));
    llvm::Expected<MatrixD> lower = cholesky(pool, std::move(damped));
    if (lower || fraction >= largest)
      return lower;
    llvm::consumeError(lower.takeError());
  }
}

MatrixD qllm::inverseLower(ThreadPool &pool, const MatrixD &lower) {
  MatrixD inverse(lower.rows(), lower.columns());
  if (lower.rows() > 0)
    invertRange(pool, lower, 0, lower.rows(), inverse);
  return inverse;
}

MatrixD qllm::choleskySolve(ThreadPool &pool, const MatrixD &lower, MatrixD right) {
  int64_t n = lower.rows(), width = right.columns();
  auto solveBlock = [&](int64_t begin, bool transposed) {
    int64_t size = std::min(blockSize, n - begin);
    MatrixD inverse = inverseBlock(lower, begin, begin + size);
    MatrixD given = rowsOf(right, begin, size);
    multiply(pool, size, width, size, 1, {inverse.data(), size, transposed}, {given.data(), width},
             0, right.row(begin), width);
  };
  for (int64_t begin = 0; begin < n; begin += blockSize) {
    int64_t size = std::min(blockSize, n - begin);
    multiply(pool, size, width, begin, -1, {lower.row(begin), n}, {right.data(), width}, 1,
             right.row(begin), width);
    solveBlock(begin, false);
  }
  for (int64_t begin = (n - 1) / blockSize * blockSize; begin >= 0; begin -= blockSize) {
    int64_t size = std::min(blockSize, n - begin), end = begin + size;
    if (end < n)
      multiply(pool, size, width, n - end, -1, {lower.row(end) + begin, n, true},
               {right.row(end), width}, 1, right.row(begin), width);
    solveBlock(begin, true);
  }
  return right;
}

MatrixD qllm::choleskyInverse(ThreadPool &pool, const MatrixD &lower) {
  MatrixD inverse = inverseLower(pool, lower);
  return productTransposedLeft(pool, inverse, inverse);
}

llvm::Expected<MatrixD> qllm::upperFactorOfInverse(ThreadPool &pool, const MatrixD &matrix) {
  MatrixD reversed(matrix.rows(), matrix.columns());
  std::reverse_copy(matrix.data(), matrix.data() + matrix.size(), reversed.data());
  llvm::Expected<MatrixD> lower = cholesky(pool, std::move(reversed));
  if (!lower)
    return lower.takeError();
  MatrixD inverse = inverseLower(pool, *lower);
  std::reverse(inverse.data(), inverse.data() + inverse.size());
  return inverse;
}

void qllm::addRelativeDiagonal(MatrixD &matrix, double fraction) {
  double trace = 0;
  int64_t n = std::min(matrix.rows(), matrix.columns());
  for (int64_t i = 0; i < n; ++i)
    trace += matrix(i, i);
  for (int64_t i = 0; i < n; ++i)
    matrix(i, i) += fraction * trace / double(n);
}
