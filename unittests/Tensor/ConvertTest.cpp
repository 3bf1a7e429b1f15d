// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/Convert.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace qllm;

namespace {

template <typename T>
std::vector<T> castTo(Tensor input, ElementType type, CastOptions options = {}) {
  llvm::Expected<Tensor> result = cast(input, type, options);
  EXPECT_TRUE(bool(result));
  return std::vector<T>(result->data<T>(), result->data<T>() + result->size());
}

TEST(Convert, FloatToIntegerTruncatesAndStaysInRange) {
  Tensor x = Tensor::of<float>({5}, {2.9f, -2.9f, 3e9f, -3e9f, NAN});
  EXPECT_EQ(castTo<int32_t>(x, ElementType::I32),
            (std::vector<int32_t>{2, -2, INT32_MAX, INT32_MIN, 0}));
}

TEST(Convert, NarrowIntegersKeepTheirLowBits) {
  Tensor x = Tensor::of<int32_t>({4}, {7, 8, -9, 17});
  EXPECT_EQ(castTo<int8_t>(x, ElementType::I4), (std::vector<int8_t>{7, -8, 7, 1}));
  EXPECT_EQ(castTo<uint8_t>(x, ElementType::U4), (std::vector<uint8_t>{7, 8, 7, 1}));
}

TEST(Convert, SmallFloatsSaturateOrNot) {
  Tensor x = Tensor::of<float>({3}, {1e6f, -1e6f, 0.3f});
  CastOptions keepOverflow;
  keepOverflow.saturate = false;
  EXPECT_EQ(castTo<uint8_t>(x, ElementType::F8E4M3FN), (std::vector<uint8_t>{0x7e, 0xfe, 0x2a}));
  EXPECT_EQ(castTo<uint8_t>(x, ElementType::F8E4M3FN, keepOverflow),
            (std::vector<uint8_t>{0x7f, 0xff, 0x2a}));
  EXPECT_EQ(castTo<uint8_t>(x, ElementType::F8E5M2, keepOverflow),
            (std::vector<uint8_t>{0x7c, 0xfc, 0x35}));
}

TEST(Convert, PackedElementsRoundTrip) {
  // Nibbles low first: 1, -2, 7 and one to spare.
  const char packed[] = {char(0xe1), 0x07};
  llvm::Expected<Tensor> tensor = unpackElements(ElementType::I4, {3}, packed);
  ASSERT_TRUE(bool(tensor));
  EXPECT_EQ(tensor->values<int8_t>().vec(), (std::vector<int8_t>{1, -2, 7}));
  EXPECT_EQ(packElements(*tensor), std::vector<char>(packed, packed + 2));
}

TEST(Convert, WrongNumberOfPackedBytesIsAnError) {
  const char packed[] = {0, 0, 0};
  llvm::Expected<Tensor> tensor = unpackElements(ElementType::I4, {3}, packed);
  ASSERT_FALSE(bool(tensor));
  EXPECT_EQ(llvm::toString(tensor.takeError()), "expected 2 bytes for 3 of i4, but got 3");
}

TEST(Convert, ImpossibleShapesAreErrors) {
  llvm::Expected<Tensor> huge = Tensor::allocate(ElementType::F32, {INT64_MAX, INT64_MAX});
  EXPECT_FALSE(bool(huge));
  llvm::consumeError(huge.takeError());
  llvm::Expected<Tensor> large = Tensor::allocate(ElementType::F32, {int64_t(1) << 50});
  EXPECT_FALSE(bool(large));
  llvm::consumeError(large.takeError());
}

} // namespace
