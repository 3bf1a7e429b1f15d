// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Numerics/Eigen.h"
#include "Checks.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include <cmath>
#include <mutex>
#include <random>

using namespace qllm;

// LAPACK 3.x, reference name; integers are 32 bits in every distribution of it.
extern "C" void dsyevd_(const char *job, const char *triangle, const int *size, double *matrix,
                        const int *stride, double *values, double *work, const int *workSize,
                        int *integers, const int *integerCount, int *info);

namespace {

// Up to this size all pairs take less time than iterations.
constexpr int64_t exactSize = 96;
constexpr int64_t extraDirections = 16;

/// Pairs in ascending order, vectors in the rows of `matrix`; LAPACK's code.
int decompose(MatrixD &matrix, std::vector<double> &values) {
  // The serial build promises nothing about two callers at once.
  static std::mutex lapack;
  std::lock_guard<std::mutex> lock(lapack);
  int n = int(matrix.rows()), info = 0, query = -1, wantedIntegers = 0;
  double wanted = 0;
  // Column-major upper is row-major lower.
  dsyevd_("V", "U", &n, matrix.data(), &n, values.data(), &wanted, &query, &wantedIntegers, &query,
          &info);
  if (info != 0)
    return info;
  std::vector<double> work(static_cast<size_t>(wanted));
  std::vector<int> integers(static_cast<size_t>(wantedIntegers));
  int workSize = int(work.size()), integerCount = int(integers.size());
  dsyevd_("V", "U", &n, matrix.data(), &n, values.data(), work.data(), &workSize, integers.data(),
          &integerCount, &info);
  return info;
}

/// A vector and its negative are both right; the choice must not hang on rounding.
void fixSign(llvm::MutableArrayRef<double> vector) {
  size_t largest = 0;
  for (size_t i = 1; i < vector.size(); ++i)
    if (std::fabs(vector[i]) > std::fabs(vector[largest]) * (1 + 1e-6))
      largest = i;
  if (!vector.empty() && vector[largest] < 0)
    for (double &value : vector)
      value = -value;
}

/// The first `count` pairs.
EigenPairs truncated(const EigenPairs &pairs, int64_t count) {
  EigenPairs result;
  count = std::min(count, pairs.vectors.rows());
  result.values.assign(pairs.values.begin(), pairs.values.begin() + count);
  result.vectors = rowsOf(pairs.vectors, 0, count);
  return result;
}

/// Rows of normally distributed numbers: the same for a seed on every machine, which
/// std::normal_distribution does not promise.
MatrixD randomRows(int64_t rows, int64_t columns, uint64_t seed) {
  std::mt19937_64 engine(seed);
  MatrixD result(rows, columns);
  for (int64_t i = 0; i < result.size(); ++i) {
    double sum = 0; // of 12 uniform numbers: near enough to normal
    for (int k = 0; k < 12; ++k)
      sum += double(engine() >> 11) * 0x1p-53;
    result.data()[i] = sum - 6;
  }
  return result;
}

} // namespace

llvm::Expected<EigenPairs> qllm::symmetricEigen(const MatrixD &matrix) {
  if (llvm::Error error = detail::checkSymmetricInput(matrix))
    return std::move(error);
  int64_t n = matrix.rows();
  if (n == 0)
    return EigenPairs();
  MatrixD vectors = matrix;
  std::vector<double> values(static_cast<size_t>(n));
  if (int info = decompose(vectors, values); info != 0)
    return llvm::createStringError("eigenvalues of a matrix of size %lld do not converge (LAPACK "
                                   "dsyevd gives %d)",
                                   (long long)n, info);
  EigenPairs pairs;
  pairs.values.assign(values.rbegin(), values.rend());
  pairs.vectors = MatrixD(n, n);
  for (int64_t i = 0; i < n; ++i) {
    std::copy_n(vectors.row(n - 1 - i), n, pairs.vectors.row(i));
    fixSign(pairs.vectors.rowValues(i));
  }
  return pairs;
}

void qllm::orthonormalizeRows(MatrixD &matrix) {
  int64_t columns = matrix.columns();
  auto dot = [columns](const double *a, const double *b) {
    // Four sums: the order is fixed, and the additions overlap.
    double sums[4] = {};
    int64_t k = 0;
    for (; k + 4 <= columns; k += 4)
      for (int lane = 0; lane < 4; ++lane)
        sums[lane] += a[k + lane] * b[k + lane];
    for (; k < columns; ++k)
      sums[0] += a[k] * b[k];
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  };
  for (int64_t i = 0; i < matrix.rows(); ++i) {
    double *row = matrix.row(i);
    double before = std::sqrt(dot(row, row));
    for (int pass = 0; pass < 2; ++pass)
      for (int64_t j = 0; j < i; ++j) {
        double along = dot(row, matrix.row(j));
        for (int64_t k = 0; k < columns; ++k)
          row[k] -= along * matrix(j, k);
      }
    double length = std::sqrt(dot(row, row));
    double scale = length > 1e-12 * before ? 1 / length : 0;
    for (int64_t k = 0; k < columns; ++k)
      row[k] *= scale;
  }
}

llvm::Expected<EigenPairs> qllm::topEigen(ThreadPool &pool, const MatrixD &matrix, int64_t count,
                                          uint64_t seed, int iterations) {
  if (llvm::Error error = detail::checkSymmetricInput(matrix))
    return std::move(error);
  int64_t n = matrix.rows(), width = std::min(n, count + extraDirections);
  if (n <= exactSize || 2 * width >= n) {
    llvm::Expected<EigenPairs> all = symmetricEigen(matrix);
    return all ? llvm::Expected<EigenPairs>(truncated(*all, count)) : all.takeError();
  }
  return topEigen(
      pool, n, [&](const MatrixD &rows) { return product(pool, rows, matrix); }, count, seed,
      iterations);
}

llvm::Expected<EigenPairs> qllm::topEigen(ThreadPool &pool, int64_t size,
                                          llvm::function_ref<MatrixD(const MatrixD &)> apply,
                                          int64_t count, uint64_t seed, int iterations) {
  MatrixD basis = randomRows(std::min(size, count + extraDirections), size, seed);
  orthonormalizeRows(basis);
  for (int i = 0; i < iterations; ++i) {
    basis = apply(basis);
    orthonormalizeRows(basis);
  }
  MatrixD image = apply(basis);
  llvm::Expected<EigenPairs> inner = symmetricEigen(productTransposedRight(pool, image, basis));
  if (!inner)
    return inner.takeError();
  EigenPairs best = truncated(*inner, count);
  best.vectors = product(pool, best.vectors, basis);
  for (int64_t i = 0; i < best.vectors.rows(); ++i)
    fixSign(best.vectors.rowValues(i));
  return best;
}

llvm::Expected<SingularTriples> qllm::topSingular(ThreadPool &pool, const MatrixD &matrix,
                                                  int64_t count, uint64_t seed) {
  bool wide = matrix.columns() > matrix.rows();
  if (llvm::Error error = detail::checkFinite(matrix))
    return std::move(error);
  llvm::Expected<EigenPairs> pairs = topEigen(pool,
                                              wide ? productTransposedRight(pool, matrix, matrix)
                                                   : productTransposedLeft(pool, matrix, matrix),
                                              count, seed);
  if (!pairs)
    return pairs.takeError();
  SingularTriples result;
  for (double value : pairs->values)
    result.values.push_back(std::sqrt(std::max(value, 0.0)));
  MatrixD other = wide ? product(pool, pairs->vectors, matrix)
                       : productTransposedRight(pool, pairs->vectors, matrix);
  for (int64_t i = 0; i < other.rows(); ++i)
    for (double &value : other.rowValues(i))
      value = result.values[size_t(i)] > 0 ? value / result.values[size_t(i)] : 0;
  result.left = wide ? pairs->vectors : other;
  result.right = wide ? other : pairs->vectors;
  return result;
}
