// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stored scales and the power-of-two rules.

#include "qllm/Format/ScaleFormat.h"

#include "qllm/Format/ElementFormat.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

constexpr ScaleFormat everyFormat[] = {ScaleFormat::F32, ScaleFormat::F16, ScaleFormat::BF16,
                                       ScaleFormat::UE8M0, ScaleFormat::E4M3};

TEST(ScaleFormat, RoundedScalesAreStoredExactly) {
  for (ScaleFormat format : everyFormat)
    for (float scale = 1e-30f; scale < 1e30f; scale *= 1.37f) {
      std::vector<float> rounded{roundScale(format, scale)}, back(1);
      std::vector<std::uint8_t> bytes(scaleBytes(format));
      ASSERT_TRUE(encodeScales(format, rounded, bytes).ok());
      ASSERT_TRUE(decodeScales(format, bytes, back).ok());
      EXPECT_EQ(back, rounded) << scaleFormatName(format) << " " << scale;
      EXPECT_GE(rounded[0], minScale(format));
      EXPECT_LE(rounded[0], maxScale(format));
    }
}

// A scale is never zero, infinite or NaN, whatever it is made from.
TEST(ScaleFormat, RoundedScalesAreUsable) {
  for (ScaleFormat format : everyFormat) {
    for (float scale : {0.0f, -1.0f, NAN, 1e-45f})
      EXPECT_EQ(roundScale(format, scale), minScale(format)) << scaleFormatName(format);
    for (float scale : {INFINITY, 3.4028235e38f})
      EXPECT_EQ(roundScale(format, scale), maxScale(format)) << scaleFormatName(format);
  }
}

// Both rules at the borders of an octave, for a largest element of 6 = 1.5 * 2^2.
TEST(ScaleFormat, PowerOfTwoRules) {
  auto floorRule = [](float amax) { return powerOfTwoScale(amax, 6, PowerOfTwoRule::Floor); };
  auto roundUp = [](float amax) { return powerOfTwoScale(amax, 6, PowerOfTwoRule::RoundUp); };
  EXPECT_EQ(floorRule(4.0f), 1.0f);
  EXPECT_EQ(floorRule(std::nextafter(8.0f, 0.0f)), 1.0f);
  EXPECT_EQ(floorRule(8.0f), 2.0f);
  EXPECT_EQ(roundUp(6.0f), 1.0f);
  EXPECT_EQ(roundUp(std::nextafter(6.0f, 7.0f)), 2.0f);
  EXPECT_EQ(roundUp(12.0f), 2.0f);
  EXPECT_EQ(floorRule(0.0f), 0x1p-127f);
  EXPECT_EQ(floorRule(1e-45f), 0x1p-127f);
  EXPECT_EQ(roundUp(3.4028235e38f), 0x1p126f);
}

// Round-up is the smallest power of two that holds amax.
TEST(ScaleFormat, RoundUpNeverSaturates) {
  for (float largest : {1.0f, 6.0f, 7.5f, 28.0f, 127.0f, 448.0f, 57344.0f})
    for (float amax = 1e-20f; amax < 1e20f; amax *= 1.0313f) {
      float scale = powerOfTwoScale(amax, largest, PowerOfTwoRule::RoundUp);
      EXPECT_LE(amax, scale * largest);
      EXPECT_GT(amax, scale / 2 * largest);
    }
}

TEST(ScaleFormat, WrongSizesAreRefused) {
  std::vector<float> scales(3);
  std::vector<std::uint8_t> bytes(5);
  EXPECT_EQ(encodeScales(ScaleFormat::F16, scales, bytes).message(),
            "expected 2 bytes for each of 3 f16 scales, but got 5 bytes");
  EXPECT_FALSE(decodeScales(ScaleFormat::F32, bytes, scales).ok());
}

} // namespace
