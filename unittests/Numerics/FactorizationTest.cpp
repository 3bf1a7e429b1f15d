// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "../Solver/RandomMatrix.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Eigen.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>
#include <limits>

using namespace qllm;

namespace {

double largestDifference(const MatrixD &a, const MatrixD &b) {
  EXPECT_EQ(a.rows(), b.rows());
  EXPECT_EQ(a.columns(), b.columns());
  double largest = 0;
  for (int64_t i = 0; i < std::min(a.size(), b.size()); ++i)
    largest = std::max(largest, std::fabs(a.data()[i] - b.data()[i]));
  return largest;
}

MatrixD naiveProduct(const MatrixD &a, const MatrixD &b) {
  MatrixD result(a.rows(), b.columns());
  for (int64_t i = 0; i < a.rows(); ++i)
    for (int64_t k = 0; k < a.columns(); ++k)
      for (int64_t j = 0; j < b.columns(); ++j)
        result(i, j) += a(i, k) * b(k, j);
  return result;
}

MatrixD identity(int64_t n) {
  MatrixD result(n, n);
  for (int64_t i = 0; i < n; ++i)
    result(i, i) = 1;
  return result;
}

MatrixD positiveDefinite(ThreadPool &pool, int64_t n, uint64_t seed) {
  MatrixD x = randomMatrix<double>(n + 5, n, seed);
  return productTransposedLeft(pool, x, x);
}

std::string messageOf(llvm::Error error) { return llvm::toString(std::move(error)); }

// Sizes on both sides of every block border.
TEST(Products, AgreeWithThePlainSum) {
  ThreadPool pool(2);
  for (auto [m, n, k] :
       {std::tuple(1, 1, 1), {8, 16, 256}, {9, 17, 257}, {193, 259, 30}, {5, 3, 0}}) {
    MatrixD a = randomMatrix<double>(m, k, 1), b = randomMatrix<double>(k, n, 2);
    MatrixD wanted = naiveProduct(a, b);
    EXPECT_LT(largestDifference(product(pool, a, b), wanted), 1e-11);
    EXPECT_LT(largestDifference(productTransposedLeft(pool, transposed(a), b), wanted), 1e-11);
    EXPECT_LT(largestDifference(productTransposedRight(pool, a, transposed(b)), wanted), 1e-11);
  }
}

TEST(Products, AddAndScale) {
  ThreadPool pool(1);
  MatrixD a = randomMatrix<double>(3, 4, 1), b = randomMatrix<double>(4, 5, 2), out(3, 5, 10);
  MatrixD wanted = naiveProduct(a, b);
  multiply(pool, 3, 5, 4, -2, {a.data(), 4}, {b.data(), 5}, 0.5, out.data(), 5);
  for (int64_t i = 0; i < out.size(); ++i)
    EXPECT_NEAR(out.data()[i], 5 - 2 * wanted.data()[i], 1e-12);
}

TEST(Moments, AreSymmetricAndExact) {
  ThreadPool pool(2);
  MatrixF x = randomMatrix(1030, 200, 3), y = randomMatrix(1030, 70, 4);
  MatrixD h = gram(pool, x), c = crossMoment(pool, x, y);
  MatrixD wide = toDouble(x);
  EXPECT_LT(largestDifference(h, naiveProduct(transposed(wide), wide)), 1e-3);
  EXPECT_LT(largestDifference(c, naiveProduct(transposed(wide), toDouble(y))), 1e-3);
  EXPECT_EQ(largestDifference(h, transposed(h)), 0);
}

TEST(Cholesky, GivesBackTheMatrix) {
  ThreadPool pool(2);
  for (int64_t n : {1, 2, 63, 64, 65, 200}) {
    MatrixD a = positiveDefinite(pool, n, uint64_t(n));
    llvm::Expected<MatrixD> lower = cholesky(pool, a);
    ASSERT_TRUE(bool(lower));
    EXPECT_LT(largestDifference(productTransposedRight(pool, *lower, *lower), a), 1e-9);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i + 1; j < n; ++j)
        ASSERT_EQ((*lower)(i, j), 0);
    EXPECT_LT(largestDifference(product(pool, a, choleskyInverse(pool, *lower)), identity(n)),
              1e-5);
    MatrixD right = randomMatrix<double>(n, 3, 9);
    MatrixD solved = choleskySolve(pool, *lower, right);
    EXPECT_LT(largestDifference(product(pool, a, solved), right), 1e-6);
  }
}

TEST(Cholesky, FactorOfTheInverse) {
  ThreadPool pool(2);
  for (int64_t n : {1, 7, 64, 130}) {
    MatrixD a = positiveDefinite(pool, n, uint64_t(n));
    addRelativeDiagonal(a, 0.01);
    llvm::Expected<MatrixD> upper = upperFactorOfInverse(pool, a);
    ASSERT_TRUE(bool(upper));
    MatrixD inverse = productTransposedLeft(pool, *upper, *upper);
    EXPECT_LT(largestDifference(product(pool, a, inverse), identity(n)), 1e-8);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < i; ++j)
        ASSERT_EQ((*upper)(i, j), 0);
  }
}

// Two channels that are one, and a moment that float sums have made indefinite.
TEST(Cholesky, DampsWhatRoundingSpoiled) {
  ThreadPool pool(1);
  MatrixD twins(2, 2, {1.0, 1.0, 1.0, 1.0 - 1e-7});
  EXPECT_FALSE(bool(llvm::expectedToOptional(cholesky(pool, twins))));
  llvm::Expected<MatrixD> lower = semidefiniteCholesky(pool, twins, 1e-9);
  ASSERT_TRUE(bool(lower));
  EXPECT_LT(largestDifference(productTransposedRight(pool, *lower, *lower), twins), 1e-4);
  MatrixD indefinite(2, 2, {1.0, 2.0, 2.0, 1.0});
  EXPECT_EQ(messageOf(semidefiniteCholesky(pool, indefinite, 1e-9).takeError()),
            "expected a positive definite matrix, but pivot 1 of 2 is not positive");
}

// Bad input is an error that says what was wanted; nothing ends the program.
TEST(Cholesky, RejectsWhatHasNoFactor) {
  ThreadPool pool(1);
  MatrixD indefinite = identity(3);
  indefinite(2, 2) = -1;
  EXPECT_EQ(messageOf(cholesky(pool, indefinite).takeError()),
            "expected a positive definite matrix, but pivot 2 of 3 is not positive");
  MatrixD bad = identity(3);
  bad(1, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(messageOf(cholesky(pool, bad).takeError()),
            "expected finite values, but element (1, 2) is nan");
  EXPECT_EQ(messageOf(cholesky(pool, MatrixD(2, 3)).takeError()),
            "expected a square matrix, but got 2 rows and 3 columns");
  EXPECT_EQ(messageOf(symmetricEigen(bad).takeError()),
            "expected finite values, but element (1, 2) is nan");
}

TEST(Eigen, PairsAreOrthonormalAndDescending) {
  ThreadPool pool(2);
  MatrixD a = positiveDefinite(pool, 40, 5);
  llvm::Expected<EigenPairs> pairs = symmetricEigen(a);
  ASSERT_TRUE(bool(pairs));
  EXPECT_TRUE(std::is_sorted(pairs->values.rbegin(), pairs->values.rend()));
  const MatrixD &v = pairs->vectors;
  EXPECT_LT(largestDifference(productTransposedRight(pool, v, v), identity(40)), 1e-12);
  MatrixD image = product(pool, v, a);
  for (int64_t i = 0; i < 40; ++i)
    for (int64_t j = 0; j < 40; ++j)
      EXPECT_NEAR(image(i, j), pairs->values[size_t(i)] * v(i, j), 1e-9);
}

// A spectrum as of activations: a few strong directions over a floor.
TEST(Eigen, IterationFindsTheStrongDirections) {
  ThreadPool pool(2);
  int64_t n = 200;
  MatrixD x = randomMatrix<double>(300, n, 6);
  for (int64_t row = 0; row < x.rows(); ++row)
    for (int64_t j = 0; j < n; ++j)
      x(row, j) *= std::pow(0.8, double(std::min<int64_t>(j, 20)));
  MatrixD a = productTransposedLeft(pool, x, x);
  llvm::Expected<EigenPairs> all = symmetricEigen(a), few = topEigen(pool, a, 8, 0);
  ASSERT_TRUE(bool(all) && bool(few));
  ASSERT_EQ(few->vectors.rows(), 8);
  for (size_t i = 0; i < 8; ++i)
    EXPECT_NEAR(few->values[i] / all->values[i], 1, 1e-6);
}

TEST(Eigen, SingularTriplesRebuildTheMatrix) {
  ThreadPool pool(2);
  for (auto [m, n] : {std::pair(20, 30), {30, 20}}) {
    MatrixD a = randomMatrix<double>(m, n, 7);
    llvm::Expected<SingularTriples> triples = topSingular(pool, a, 20, 0);
    ASSERT_TRUE(bool(triples));
    MatrixD scaled = triples->right;
    for (int64_t i = 0; i < scaled.rows(); ++i)
      for (double &value : scaled.rowValues(i))
        value *= triples->values[size_t(i)];
    EXPECT_LT(largestDifference(productTransposedLeft(pool, triples->left, scaled), a), 1e-9);
  }
}

// The same bits for any number of threads.
TEST(Threads, DoNotChangeBits) {
  std::vector<MatrixD> results;
  for (unsigned threads : {1u, 2u, 3u}) {
    ThreadPool pool(threads);
    MatrixD h = gram(pool, randomMatrix(700, 260, 8));
    addRelativeDiagonal(h, 0.01);
    llvm::Expected<MatrixD> upper = upperFactorOfInverse(pool, h);
    ASSERT_TRUE(bool(upper));
    llvm::Expected<EigenPairs> pairs = topEigen(pool, *upper, 4, 1);
    ASSERT_TRUE(bool(pairs));
    results.push_back(product(pool, pairs->vectors, *upper));
  }
  EXPECT_EQ(largestDifference(results[0], results[1]), 0);
  EXPECT_EQ(largestDifference(results[0], results[2]), 0);
}

} // namespace
