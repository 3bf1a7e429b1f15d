// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact products of quantized matrices against products of their real values.

#include "IntegerLinear.h"
#include "IntegerRows.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace qllm;
using namespace qllm::interp;

namespace {

constexpr int64_t wholeRow = 0, wholeTensor = -1;

struct Operand {
  unsigned bits;
  bool symmetric;
  int64_t group = wholeRow;
  /// Added to every value: far from zero, zero points lie far outside the codes.
  float shift = 0;
};

std::shared_ptr<QuantizedTensor> quantized(Operand operand, int64_t rows, int64_t depth,
                                           unsigned seed) {
  auto result = std::make_shared<QuantizedTensor>();
  result->spec.symmetric = operand.symmetric;
  result->spec.element = ElementFormat::integer(operand.bits, operand.symmetric);
  int64_t size = operand.group == wholeTensor ? rows * depth
                 : operand.group == wholeRow  ? depth
                                              : operand.group;
  GroupLayout &layout = result->layout;
  layout.split = {rows, depth};
  layout.permutation = {0, 1};
  layout.groupSize = size;
  layout.groups = rows * depth / size;
  layout.scaleShape = {layout.groups};
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(operand.shift, 1);
  std::vector<float> values(size_t(rows * depth)), scales(size_t(layout.groups));
  for (float &value : values)
    value = normal(random);
  std::vector<uint8_t> codes(values.size());
  std::vector<int32_t> zeroPoints(operand.symmetric ? 0 : scales.size());
  FormatStatus status =
      quantizeGroups(result->spec, values, size_t(size), {codes, scales, zeroPoints});
  EXPECT_TRUE(status.ok()) << status.message();
  result->codes = Tensor::of<uint8_t>({rows, depth}, codes)
                      .reinterpreted(operand.symmetric ? ElementType::I8 : ElementType::U8);
  result->scales = Tensor::of<float>({layout.groups}, scales);
  if (!operand.symmetric)
    result->zeroPoints = Tensor::of<int32_t>({layout.groups}, zeroPoints);
  return result;
}

/// Every element within a few roundings of the sum of the magnitudes of its groups.
void expectClose(const QuantizedTensor &x, const QuantizedTensor &w, const std::vector<float> &bias,
                 const std::vector<float> &out) {
  ThreadPool pool(1);
  Tensor left = llvm::cantFail(x.values(pool)), right = llvm::cantFail(w.values(pool));
  int64_t rows = left.dim(0), columns = right.dim(0), depth = right.dim(1);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column) {
      double sum = bias.empty() ? 0 : bias[column], magnitude = std::fabs(sum);
      for (int64_t k = 0; k < depth; ++k) {
        double term = double(left.data<float>()[row * depth + k]) *
                      double(right.data<float>()[column * depth + k]);
        sum += term;
        magnitude += std::fabs(term);
      }
      ASSERT_NEAR(out[row * columns + column], sum, 5e-7 * magnitude) << row << ", " << column;
    }
}

bool runs(Operand left, Operand right, int64_t rows, int64_t columns, int64_t depth,
          bool hasBias = false) {
  auto x = quantized(left, rows, depth, 1), w = quantized(right, columns, depth, 2);
  std::vector<float> bias(hasBias ? size_t(columns) : 0, 0.25f);
  std::vector<float> first;
  for (unsigned threads : {1u, 3u}) {
    ThreadPool pool(threads);
    std::vector<float> out(size_t(rows * columns), -1);
    if (!integerLinear(pool, *x, *w, hasBias ? bias.data() : nullptr, out.data()))
      return false;
    expectClose(*x, *w, bias, out);
    EXPECT_TRUE(first.empty() || first == out) << "the bits depend on the number of threads";
    first = out;
  }
  return true;
}

} // namespace

TEST(IntegerLinear, AllWidthsAndSymmetries) {
  for (unsigned bits : {2u, 4u, 6u, 8u})
    for (bool leftSymmetric : {false, true})
      for (bool rightSymmetric : {false, true})
        EXPECT_TRUE(runs({bits, leftSymmetric}, {bits, rightSymmetric}, 9, 21, 67, bits == 4));
}

TEST(IntegerLinear, GroupsOfEitherOperand) {
  EXPECT_TRUE(runs({4, false}, {4, false, 64}, 5, 9, 192));
  EXPECT_TRUE(runs({4, false, 64}, {8, false}, 5, 9, 192, true));
  EXPECT_TRUE(runs({8, true, 64}, {4, true, 64}, 5, 9, 192));
  EXPECT_TRUE(runs({8, false, 32}, {4, true, 64}, 5, 9, 192));
  EXPECT_TRUE(runs({8, false, wholeTensor}, {8, false, wholeTensor}, 5, 9, 192));
}

TEST(IntegerLinear, MoreThanOneTile) { EXPECT_TRUE(runs({8, false}, {8, true}, 300, 700, 40)); }

// The corrections by zero points exceed 32 bits, the values do not.
TEST(IntegerLinear, ZeroPointsFarOutsideTheCodes) {
  EXPECT_TRUE(runs({8, false, wholeRow, 3000}, {8, false}, 4, 9, 576));
  EXPECT_TRUE(runs({8, false, wholeRow, -3000}, {8, false, wholeRow, 5000}, 4, 9, 576, true));
}

TEST(IntegerLinear, DeclinesWhatDoesNotFit) {
  EXPECT_FALSE(runs({4, false}, {4, false, 16}, 5, 9, 192)); // does not pay
  EXPECT_FALSE(runs({4, false, 64}, {4, false, 96}, 5, 9, 192));
  auto x = quantized({4, true}, 4, 64, 1), w = quantized({4, true}, 4, 64, 2);
  ThreadPool pool(1);
  std::vector<float> out(16);
  ASSERT_TRUE(integerLinear(pool, *x, *w, nullptr, out.data()));
  x->spec.element = &ElementFormat::e2m1();
  EXPECT_FALSE(integerLinear(pool, *x, *w, nullptr, out.data()));
}

// What products need of a weight is computed once.
TEST(IntegerLinear, KeepsWhatItComputes) {
  auto w = quantized({8, false}, 4, 64, 2);
  ThreadPool pool(1);
  RowGroups shape = *integerRowGroups(*w);
  EXPECT_NE(makeIntegerWeight(pool, *w, shape, 1), makeIntegerWeight(pool, *w, shape, 1));
  w->keepsWithin = std::make_shared<KeepBudget>(1 << 20);
  EXPECT_EQ(makeIntegerWeight(pool, *w, shape, 1), makeIntegerWeight(pool, *w, shape, 1));
}
