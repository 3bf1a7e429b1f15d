// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every size up to a bound is checked: a matrix that is made is orthogonal, exactly, and the sizes
// that are not made are those that the constructions are known not to reach.

#include "qllm/Numerics/Hadamard.h"
#include "qllm/Numerics/FiniteField.h"
#include "qllm/Numerics/Rotation.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>

using namespace qllm;

namespace {

/// H H^T = n on the signs, in integers.
void expectHadamard(const MatrixF &matrix) {
  int64_t n = matrix.rows();
  ASSERT_EQ(n, matrix.columns());
  float magnitude = 1.0f / std::sqrt(float(n));
  std::vector<int> signs;
  for (float value : matrix.values()) {
    ASSERT_EQ(std::fabs(value), magnitude);
    signs.push_back(value < 0 ? -1 : 1);
  }
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      int sum = 0;
      for (int64_t k = 0; k < n; ++k)
        sum += signs[i * n + k] * signs[j * n + k];
      ASSERT_EQ(sum, i == j ? n : 0) << "rows " << i << " and " << j;
    }
}

TEST(Hadamard, EverySizeUpTo512IsOrthogonalOrKnownToBeOutOfReach) {
  // Multiples of 4 that are no q + 1, no 2 (q + 1) and no doubling of one; all others are made.
  std::vector<int64_t> missing;
  for (int64_t size = 1; size <= 512; ++size) {
    SCOPED_TRACE(size);
    bool possible = size <= 2 || size % 4 == 0;
    if (!findHadamard(size)) {
      if (possible)
        missing.push_back(size);
      llvm::Expected<MatrixF> matrix = hadamardMatrix(size);
      ASSERT_FALSE(bool(matrix));
      llvm::consumeError(matrix.takeError());
      continue;
    }
    ASSERT_TRUE(possible);
    llvm::Expected<MatrixF> matrix = hadamardMatrix(size);
    ASSERT_TRUE(bool(matrix));
    expectHadamard(*matrix);
  }
  EXPECT_EQ(missing,
            (std::vector<int64_t>{92,  116, 156, 172, 184, 188, 232, 236, 260, 268, 292, 324,
                                  356, 372, 376, 404, 412, 428, 436, 452, 472, 476, 508}));
}

TEST(Hadamard, WidthsOfModelsUseTheSmallestDenseFactor) {
  auto sizes = [](int64_t width) {
    std::optional<HadamardSize> size = findHadamard(width);
    return size ? std::pair(size->dense, size->doubled) : std::pair<int64_t, int64_t>(0, 0);
  };
  using Pair = std::pair<int64_t, int64_t>;
  EXPECT_EQ(sizes(64), Pair(1, 64));
  EXPECT_EQ(sizes(576), Pair(36, 16));
  EXPECT_EQ(sizes(1536), Pair(12, 128));
  EXPECT_EQ(sizes(5120), Pair(20, 256));
  EXPECT_EQ(sizes(14336), Pair(28, 512));
  EXPECT_EQ(sizes(11008), Pair(344, 32));
  EXPECT_EQ(sizes(30), Pair(0, 0));
}

TEST(Hadamard, RefusalNamesBlocksThatWork) {
  llvm::Expected<MatrixF> matrix = hadamardMatrix(92);
  ASSERT_FALSE(bool(matrix));
  EXPECT_EQ(llvm::toString(matrix.takeError()),
            "expected a size that has a Hadamard matrix (1, 2, or a multiple of 4 that Paley's "
            "constructions and doubling reach), but got 92; blocks that divide it and have one are "
            "4, 2, 1");
  EXPECT_EQ(llvm::toString(hadamardMatrix(0).takeError()),
            "expected a size that has a Hadamard matrix (1, 2, or a multiple of 4 that Paley's "
            "constructions and doubling reach), but got 0");
}

TEST(Hadamard, SylvesterIsRecognized) {
  for (int64_t size : {1, 2, 8, 64})
    EXPECT_TRUE(isSylvesterHadamard(llvm::cantFail(hadamardMatrix(size)))) << size;
  EXPECT_FALSE(isSylvesterHadamard(llvm::cantFail(hadamardMatrix(12))));
  MatrixF other = llvm::cantFail(hadamardMatrix(8));
  other(3, 5) = -other(3, 5);
  EXPECT_FALSE(isSylvesterHadamard(other));
}

TEST(Hadamard, SignsAreSeededAndBalanced) {
  std::vector<float> signs = randomSigns(4096, 5);
  EXPECT_EQ(signs, randomSigns(4096, 5));
  EXPECT_NE(signs, randomSigns(4096, 6));
  double sum = 0;
  for (float sign : signs) {
    ASSERT_EQ(std::fabs(sign), 1.0f);
    sum += sign;
  }
  // Four standard deviations of a fair coin.
  EXPECT_LT(std::fabs(sum), 4 * 64);
}

TEST(FiniteField, AxiomsHoldForPrimePowers) {
  for (int64_t order : {7, 9, 25, 27, 49}) {
    SCOPED_TRACE(order);
    std::optional<FiniteField> field = FiniteField::create(order);
    ASSERT_TRUE(field);
    int64_t squares = 0;
    for (int value : field->quadraticCharacter())
      squares += value == 1;
    EXPECT_EQ(squares, (order - 1) / 2);
    for (int64_t a = 0; a < order; ++a)
      for (int64_t b = 0; b < order; ++b) {
        ASSERT_EQ(field->multiply(a, b), field->multiply(b, a));
        ASSERT_EQ(field->multiply(a, b) == 0, a == 0 || b == 0);
        for (int64_t c = 0; c < order; ++c)
          ASSERT_EQ(field->multiply(a, field->subtract(b, c)),
                    field->subtract(field->multiply(a, b), field->multiply(a, c)));
      }
  }
  for (int64_t order : {-3, 0, 1, 6, 12, 45})
    EXPECT_FALSE(FiniteField::create(order)) << order;
}

/// The definition of the operation, in double.
std::vector<double> rotateByDefinition(const MatrixF &matrix, int64_t stride, bool inverse,
                                       llvm::ArrayRef<float> x) {
  int64_t size = matrix.rows();
  std::vector<double> y(x.size(), 0.0);
  for (size_t begin = 0; begin < x.size(); begin += size * stride)
    for (int64_t j = 0; j < size; ++j)
      for (int64_t k = 0; k < size; ++k)
        for (int64_t t = 0; t < stride; ++t)
          y[begin + j * stride + t] +=
              double(x[begin + k * stride + t]) * (inverse ? matrix(j, k) : matrix(k, j));
  return y;
}

TEST(Rotation, RowsFollowTheDefinition) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  auto draw = [&](std::vector<float> &values) {
    for (float &value : values)
      value = uniform(random);
  };
  for (auto [size, stride, repeats] : {std::tuple(1, 1, 3),
                                       {2, 1, 2},
                                       {12, 1, 2},
                                       {12, 128, 1},
                                       {36, 16, 1},
                                       {5, 3, 2},
                                       {19, 1, 1},
                                       {64, 1, 9}})
    for (bool inverse : {false, true}) {
      SCOPED_TRACE(std::to_string(size) + " with stride " + std::to_string(stride));
      std::vector<float> values(size * size), x(size * stride * repeats), y(x.size());
      draw(values);
      draw(x);
      MatrixF matrix(size, size, values);
      rotateRow(values, size, stride, inverse, x, y);
      std::vector<double> expected = rotateByDefinition(matrix, stride, inverse, x);
      for (size_t i = 0; i < y.size(); ++i)
        ASSERT_NEAR(y[i], expected[i], 1e-5) << i;
      std::optional<HadamardSize> sizes = findHadamard(size);
      if (!sizes || sizes->dense != 1)
        continue;
      expected = rotateByDefinition(llvm::cantFail(hadamardMatrix(size)), stride, inverse, x);
      hadamardRow(size, stride, x);
      for (size_t i = 0; i < y.size(); ++i)
        ASSERT_NEAR(x[i], expected[i], 1e-5) << i;
    }
}

} // namespace
