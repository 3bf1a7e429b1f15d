// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Emulator/Runtime/TensorMap.h"
#include "gtest/gtest.h"
#include <numeric>

using namespace qllm::emu;

namespace {

/// A matrix of 5 rows of 48 bytes, and boxes of 2 rows of 32 bytes.
struct Matrix {
  alignas(16) std::array<uint8_t, 240> bytes;
  TensorMap map;

  Matrix() {
    std::iota(bytes.begin(), bytes.end(), uint8_t(1));
    map.base = bytes.data();
    map.rank = 2;
    map.elementBytes = 1;
    map.sizes[0] = 48;
    map.sizes[1] = 5;
    map.strides[0] = 48;
    map.box[0] = 32;
    map.box[1] = 2;
  }
  std::vector<uint8_t> copy(std::initializer_list<int32_t> coordinates) const {
    std::vector<uint8_t> box(map.boxBytes());
    for (const BoxPiece &piece : boxPieces(map, coordinates.begin()))
      std::copy_n(piece.source, piece.last - piece.first, box.begin() + piece.offset + piece.first);
    return box;
  }
  uint8_t at(int row, int column) const {
    return row < 0 || row >= 5 || column < 0 || column >= 48 ? 0 : bytes[48 * row + column];
  }
};

TEST(TensorMap, BoxesHaveZerosOutside) {
  Matrix matrix;
  ASSERT_EQ(tensorMapError(matrix.map), "");
  ASSERT_EQ(matrix.map.boxBytes(), 64u);
  for (int y = -3; y < 7; ++y)
    for (int x = -40; x < 60; ++x) {
      std::vector<uint8_t> box = matrix.copy({x, y});
      for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 32; ++column)
          ASSERT_EQ(box[32 * row + column], matrix.at(y + row, x + column)) << x << ' ' << y;
    }
}

TEST(TensorMap, StepsLeaveRowsOut) {
  Matrix matrix;
  matrix.map.box[1] = 5;
  matrix.map.steps[1] = 2;
  ASSERT_EQ(matrix.map.boxBytes(), 3u * 32);
  std::vector<uint8_t> box = matrix.copy({0, 1});
  for (int row = 0; row < 3; ++row)
    EXPECT_EQ(box[32 * row], matrix.at(1 + 2 * row, 0));
}

TEST(TensorMap, ThreeDimensions) {
  Matrix matrix; // 3 planes of 5 rows of 16 bytes, side by side in memory
  TensorMap &map = matrix.map;
  map.rank = 3;
  map.sizes[0] = map.box[0] = 16;
  map.strides[1] = 16;
  map.sizes[2] = 3;
  map.box[2] = 3;
  ASSERT_EQ(tensorMapError(map), "");
  std::vector<uint8_t> box = matrix.copy({0, 4, 1});
  for (int plane = 0; plane < 3; ++plane)
    for (int row = 0; row < 2; ++row)
      EXPECT_EQ(box[16 * (2 * plane + row)], plane < 2 ? matrix.at(4 + row, 16 * (plane + 1)) : 0);
}

TEST(TensorMap, SaysWhatCannotBe) {
  auto errorWith = [](auto change) {
    Matrix matrix;
    change(matrix.map);
    return tensorMapError(matrix.map);
  };
  EXPECT_EQ(errorWith([](TensorMap &map) { map.rank = 6; }),
            "expected 1 to 5 dimensions, but got 6");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.elementBytes = 3; }),
            "expected elements of 1, 2, 4 or 8 bytes, but got 3");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.base += 8; }),
            "expected a tensor that begins at a multiple of 16 bytes, but it begins 8 behind one");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.sizes[1] = 0; }),
            "expected a size of dimension 1 of 1 to 2^32, but got 0");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.strides[0] = 40; }),
            "expected a stride of dimension 1 that is a multiple of 16 below 2^40, but got 40");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.box[0] = 24; }),
            "expected rows of a box that are a multiple of 16 bytes, but got 24");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.steps[1] = 9; }),
            "expected a step of dimension 1 of 1 to 8, but got 9");
  EXPECT_EQ(errorWith([](TensorMap &map) { map.swizzle = 64; }),
            "expected rows of a box as wide as the swizzle of 64 bytes, but got 32");
}

// Chunks of 16 bytes change places by bits 7 and up, and do so the same way back.
TEST(TensorMap, SwizzleExchangesPieces) {
  EXPECT_EQ(swizzled(0x080, 128), 0x090u);
  EXPECT_EQ(swizzled(0x3f5, 128), 0x385u);
  EXPECT_EQ(swizzled(0x180, 64), 0x1b0u);
  EXPECT_EQ(swizzled(0x0a0, 32), 0x0b0u);
  for (uint32_t width : {16, 32, 64, 128})
    for (uint32_t offset = 0; offset < 2048; ++offset)
      ASSERT_EQ(swizzled(swizzled(offset, width), width), offset);
}

} // namespace
