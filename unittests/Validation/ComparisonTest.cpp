// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What counts as a difference, and what noise excuses.

#include "qllm/Validation/Comparison.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace qllm;

namespace {

interp::Value vector(std::vector<float> values) {
  return Tensor::of<float>({int64_t(values.size())}, values);
}

Difference compareLanes(Lanes before, Lanes after) {
  ThreadPool pool(1);
  return compare(pool, before, after);
}

constexpr float infinity = std::numeric_limits<float>::infinity();

} // namespace

TEST(Comparison, WithoutNoiseEveryBitCounts) {
  EXPECT_TRUE(compareLanes({vector({1, 2})}, {vector({1, 2})}).holds());
  Difference difference =
      compareLanes({vector({1, -4})}, {vector({1, std::nextafter(-4.0f, 0.0f)})});
  EXPECT_FALSE(difference.holds());
  EXPECT_EQ(difference.scale, 4);
}

TEST(Comparison, TheBoundIsFourTimesTheNoiseOfBothSides) {
  Lanes before{vector({1, 2}), vector({1.25f, 2}), vector({1, 1.5f})};
  Lanes after{vector({1, 2}), vector({1, 2.25f})};
  EXPECT_NEAR(compareLanes(before, after).bound, 4 * (0.5 + 0.25), 1e-6);
}

TEST(Comparison, WhatIsNoNumberAgreesWithItself) {
  EXPECT_TRUE(compareLanes({vector({NAN, infinity})}, {vector({NAN, infinity})}).holds());
  EXPECT_EQ(compareLanes({vector({infinity})}, {vector({-infinity})}).error, infinity);
  EXPECT_EQ(compareLanes({vector({NAN})}, {vector({1})}).error, infinity);
}

TEST(Comparison, ShapesAndTypesAreNamed) {
  Difference difference = compareLanes({vector({1, 2})}, {vector({1, 2, 3})});
  EXPECT_FALSE(difference.holds());
  EXPECT_EQ(difference.text, "tensor<2xf32> became tensor<3xf32>");
  EXPECT_FALSE(compareLanes({vector({1})}, {Tensor::of<int64_t>({1}, {1})}).holds());
}

TEST(Comparison, IntegersMayDifferWhereNoiseChangesThem) {
  interp::Value one = Tensor::of<int64_t>({1}, {1}), two = Tensor::of<int64_t>({1}, {2});
  EXPECT_FALSE(compareLanes({one, one}, {two, two}).holds());
  EXPECT_TRUE(compareLanes({one, two}, {two, two}).holds());
}
