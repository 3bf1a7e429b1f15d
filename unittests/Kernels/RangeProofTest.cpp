// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bounds on both sides of each limit, and bounds against sums that are really reached.

#include "qllm/Kernels/RangeProof.h"

#include <cstring>

#include <gtest/gtest.h>

using namespace qllm::kernels;

namespace {

const Interval int4 = codeInterval(4, true), int8 = codeInterval(8, true),
               uint8 = codeInterval(8, false);

SumOfProducts sumOf(Interval left, Interval right, std::int64_t length, unsigned scaleLog2 = 0) {
  SumOfProducts sum;
  sum.left = left;
  sum.right = right;
  sum.length = length;
  sum.scaleLog2 = scaleLog2;
  return sum;
}

SumOfProducts inLoop(SumOfProducts sum) {
  sum.toFloatInLoop = true;
  return sum;
}

TEST(RangeProof, CodesOfFormats) {
  EXPECT_EQ(int4.str(), "[-8, 7]");
  EXPECT_EQ(codeInterval(4, false).str(), "[0, 15]");
  EXPECT_EQ(codeInterval(32, true).low, -2147483648ll);
}

TEST(RangeProof, ProductsTakeTheWorstOfAllCorners) {
  EXPECT_EQ(multiply(int4, int4)->str(), "[-56, 64]");
  EXPECT_EQ(multiply({-3, -2}, {-5, 7})->str(), "[-21, 15]");
  EXPECT_EQ(multiply({INT64_MIN + 1, 0}, {-2, 0}), std::nullopt);
}

// 128 * 8 * 8 = 8192 is far below 2^22; the factor 256 of codes unpacked as multiples of 16 still
// is.
TEST(RangeProof, GroupsOfFourBitsTakeFloatBits) {
  EXPECT_EQ(*proveAccumulator(inLoop(sumOf(int4, int4, 128))).accumulator, Accumulator::FloatBits);
  AccumulatorProof proof = proveAccumulator(inLoop(sumOf(int4, int4, 128, 8)));
  EXPECT_EQ(*proof.accumulator, Accumulator::FloatBits);
  EXPECT_EQ(proof.explanation, "the sum of 128 products of [-8, 7] and [-8, 7] times 256 lies in "
                               "[-1835008, 2097152], below 2^22");
}

// 2^22 itself is one too many.
TEST(RangeProof, FloatBitsEndAtTwoToTheTwentyTwo) {
  EXPECT_EQ(*proveAccumulator(inLoop(sumOf(int8, int8, 255))).accumulator, Accumulator::FloatBits);
  EXPECT_EQ(*proveAccumulator(inLoop(sumOf(int8, int8, 256))).accumulator,
            Accumulator::WrappedInt32);
}

TEST(RangeProof, SumsThatEndOnceStayIntegers) {
  EXPECT_EQ(*proveAccumulator(sumOf(int4, int4, 128)).accumulator, Accumulator::WrappedInt32);
}

// 2^14 K for 4-bit weights unpacked as multiples of 16: K = 131072 reaches 2^31.
TEST(RangeProof, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(proveAccumulator(sumOf(int8, int4, 131071, 4)).accumulator);
  AccumulatorProof proof = proveAccumulator(sumOf(int8, int4, 131072, 4));
  EXPECT_FALSE(proof.accumulator);
  EXPECT_EQ(proof.explanation,
            "the sum of 131072 products of [-128, 127] and [-8, 7] times 16 lies "
            "in [-2130706432, 2147483648], outside int32");
}

// Zero points outside the codes widen the values that remain.
TEST(RangeProof, ZeroPointsCount) {
  SumOfProducts sum = sumOf(uint8, int8, 60000);
  sum.leftZero = uint8;
  EXPECT_FALSE(proveAccumulator(sum).wide);
  sum.leftZero = codeInterval(32, true);
  EXPECT_TRUE(proveAccumulator(sum).accumulator);
  EXPECT_TRUE(proveAccumulator(sum).wide);
  EXPECT_FALSE(
      proveAccumulator(sum).wideRight); // the zero points of the left side alone are far off
  sum.rightZero = codeInterval(32, true);
  AccumulatorProof proof = proveAccumulator(sum);
  EXPECT_FALSE(proof.accumulator);
  EXPECT_NE(proof.explanation.find("without zero points"), std::string::npos);
}

// Without the zero points of the left side 32 bits do not hold the sum either.
TEST(RangeProof, ZeroPointsOfTheRightSideCount) {
  SumOfProducts sum = sumOf(uint8, int8, 60000);
  sum.rightZero = codeInterval(32, true);
  EXPECT_TRUE(proveAccumulator(sum).wideRight);
  EXPECT_TRUE(proveAccumulator(sum).wide);
}

TEST(RangeProof, LengthsBeyondSixtyFourBitsAreRefused) {
  AccumulatorProof proof = proveAccumulator(sumOf(int8, int8, INT64_MAX));
  EXPECT_FALSE(proof.accumulator);
  EXPECT_NE(proof.explanation.find("exceeds 64 bits"), std::string::npos);
}

// What the float trick does, over all of its range.
TEST(RangeProof, FloatBitsAreExact) {
  for (std::int32_t sum = -(1 << 22) + 1; sum < 1 << 22; sum += 997) {
    std::int32_t bits = floatBitsStart + sum;
    float value;
    static_assert(sizeof(value) == sizeof(bits));
    std::memcpy(&value, &bits, sizeof(value));
    ASSERT_EQ(value - floatBitsOffset, float(sum));
  }
}

} // namespace
