// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/IntegerGemm.h"
#include <gtest/gtest.h>
#include <random>
#include <vector>

using namespace qllm;

namespace {

struct Case {
  int64_t rows, columns, depth, padding;
  int leftMax, rightMax;
};

/// The product against a sum in 64 bits; what lies between the rows of the result stays.
void expectExact(const Case &c, bool extremes) {
  std::mt19937 random(7);
  auto draw = [&](int low, int high) {
    return extremes ? (random() & 1 ? high : low)
                    : std::uniform_int_distribution<int>(low, high)(random);
  };
  int64_t stride = c.depth + c.padding, outStride = c.columns + c.padding;
  std::vector<uint8_t> left(size_t(c.rows * stride));
  std::vector<int8_t> right(size_t(c.columns * stride));
  for (uint8_t &value : left)
    value = uint8_t(draw(0, c.leftMax));
  for (int8_t &value : right)
    value = int8_t(draw(-c.rightMax, std::min(c.rightMax, 127)));
  std::vector<int32_t> out(size_t(c.rows * outStride), 99);
  integerMatmul(c.rows, c.columns, c.depth, left.data(), stride, c.leftMax, right.data(), stride,
                c.rightMax, out.data(), outStride);
  for (int64_t row = 0; row < c.rows; ++row)
    for (int64_t column = 0; column < outStride; ++column) {
      int64_t sum = column < c.columns ? 0 : 99;
      for (int64_t k = 0; column < c.columns && k < c.depth; ++k)
        sum += int64_t(left[row * stride + k]) * right[column * stride + k];
      ASSERT_EQ(out[row * outStride + column], sum) << row << ", " << column;
    }
}

} // namespace

TEST(IntegerGemm, EveryShapeAndRangeIsExact) {
  for (Case c :
       {Case{1, 1, 1, 0, 255, 128}, Case{1, 70, 576, 0, 255, 128}, Case{33, 50, 65, 3, 255, 128},
        Case{128, 17, 192, 5, 15, 8}, Case{5, 7, 0, 1, 255, 128}, Case{0, 7, 4, 1, 255, 128},
        Case{64, 48, 64, 64, 63, 32}})
    for (bool extremes : {false, true})
      expectExact(c, extremes);
}

TEST(IntegerGemm, TheLongestSum) { expectExact({2, 3, maxIntegerDepth, 0, 255, 128}, true); }
