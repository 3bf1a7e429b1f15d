// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// binary16 and bfloat16 over every bit pattern. Comparison with NumPy is in
// test/Python/formats_scale_test.py.

#include "qllm/Format/HalfFloat.h"

#include <cmath>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

TEST(HalfFloat, EveryHalfSurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits != 0x10000; ++bits) {
    float value = halfToFloat(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      EXPECT_GT(bits & 0x7fff, 0x7c00u);
    else
      ASSERT_EQ(floatToHalf(value), bits);
  }
}

TEST(HalfFloat, EveryBFloat16SurvivesTheRoundTrip) {
  for (std::uint32_t bits = 0; bits != 0x10000; ++bits) {
    float value = bfloat16ToFloat(static_cast<std::uint16_t>(bits));
    if (std::isnan(value))
      continue;
    ASSERT_EQ(floatToBFloat16(value), bits);
  }
}

// Half way between two finite halves: the even one. Next to it: the nearer one.
TEST(HalfFloat, TiesGoToEven) {
  for (std::uint16_t bits = 0; bits != 0x7bff; ++bits) {
    float middle = (halfToFloat(bits) + halfToFloat(bits + 1)) / 2;
    ASSERT_EQ(floatToHalf(middle), (bits + 1) & ~1);
    ASSERT_EQ(floatToHalf(std::nextafter(middle, 0.0f)), bits);
    ASSERT_EQ(floatToHalf(-std::nextafter(middle, 1e9f)), (bits + 1) | 0x8000);
  }
}

TEST(HalfFloat, OverflowAndNaN) {
  EXPECT_EQ(floatToHalf(std::nextafter(65520.0f, 0.0f)), 0x7bff);
  EXPECT_EQ(floatToHalf(65520.0f), 0x7c00);
  EXPECT_EQ(floatToHalf(-INFINITY), 0xfc00);
  EXPECT_TRUE(std::isnan(halfToFloat(floatToHalf(NAN))));
  EXPECT_TRUE(std::isnan(bfloat16ToFloat(floatToBFloat16(bitsToFloat(0x7f800001u)))));
  EXPECT_EQ(floatToBFloat16(3.4028235e38f), 0x7f80);
}

} // namespace
