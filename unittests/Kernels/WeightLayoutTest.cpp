// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Layouts are permutations, and the one for 4-bit weights is what mma.m16n8k32 reads.

#include "qllm/Kernels/WeightLayout.h"

#include <algorithm>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

constexpr LayoutAxis n = LayoutAxis::Row, k = LayoutAxis::Column;

TEST(WeightLayout, PositionsAndElementsAreInverse) {
  WeightLayout layout = WeightLayout::int4Fragments();
  ASSERT_TRUE(layout.verify().ok()) << layout.verify().message();
  std::vector<int> seen(layout.tileSize());
  for (std::int64_t position = 0; position != layout.tileSize(); ++position) {
    auto [row, column] = layout.elementAt(position);
    ASSERT_EQ(layout.positionOf(row, column), position);
    ++seen[row * layout.tileColumns() + column];
  }
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](int count) { return count == 1; }));
}

// Word w of lane l, byte i: column l/4 of block w/2 of the product; element 4 (l%4) + i of step
// w%2, the upper half of the step in the upper nibble.
TEST(WeightLayout, FragmentsOfFourBits) {
  WeightLayout layout = WeightLayout::int4Fragments();
  for (int lane = 0; lane != 32; ++lane)
    for (int word = 0; word != 4; ++word)
      for (int byte = 0; byte != 4; ++byte)
        for (int half = 0; half != 2; ++half)
          ASSERT_EQ(layout.elementAt((lane * 16 + word * 4 + byte) * 2 + half),
                    std::make_pair(std::int64_t(word / 2 * 8 + lane / 4),
                                   std::int64_t(word % 2 * 32 + half * 16 + lane % 4 * 4 + byte)));
}

// The four scales of a row are a word at 16 (row % 32), beside those of the rows 32, 64 and 96
// further on.
TEST(WeightLayout, ScalesOfBlocks) {
  WeightLayout layout = WeightLayout::blockScales();
  ASSERT_TRUE(layout.verify().ok()) << layout.verify().message();
  for (int row = 0; row != 128; ++row)
    for (int block = 0; block != 4; ++block)
      ASSERT_EQ(layout.positionOf(row, block), row % 32 * 16 + row / 32 * 4 + block);
}

// Word w of lane l, half byte i: column l/4 of block w/2; a register is half bytes r and r + 4,
// step 2 (w%2) + r/2, elements 2 (l%4) + 8 (r%2) and the next.
TEST(WeightLayout, FragmentsOfFloatsAndFourBits) {
  WeightLayout layout = WeightLayout::halfFragments(4);
  ASSERT_TRUE(layout.verify().ok()) << layout.verify().message();
  for (int lane = 0; lane != 32; ++lane)
    for (int word = 0; word != 4; ++word)
      for (int r = 0; r != 4; ++r)
        for (int half = 0; half != 2; ++half) {
          int step = word % 2 * 2 + r / 2;
          ASSERT_EQ(layout.elementAt(lane * 32 + word * 8 + half * 4 + r),
                    std::make_pair(std::int64_t(word / 2 * 8 + lane / 4),
                                   std::int64_t(step * 16 + lane % 4 * 2 + r % 2 * 8 + half)));
        }
}

// Word w of lane l, byte i: column l/4 of block w/2, step w%2, register i/2 and its half i%2.
TEST(WeightLayout, FragmentsOfFloatsAndEightBits) {
  WeightLayout layout = WeightLayout::halfFragments(8);
  ASSERT_TRUE(layout.verify().ok()) << layout.verify().message();
  for (int lane = 0; lane != 32; ++lane)
    for (int word = 0; word != 4; ++word)
      for (int byte = 0; byte != 4; ++byte)
        ASSERT_EQ(
            layout.elementAt(lane * 16 + word * 4 + byte),
            std::make_pair(std::int64_t(word / 2 * 8 + lane / 4),
                           std::int64_t(word % 2 * 16 + lane % 4 * 2 + byte / 2 * 8 + byte % 2)));
}

TEST(WeightLayout, RefusesWhatIsNoPermutation) {
  EXPECT_EQ(WeightLayout(4, 2, {{n, 2, 1}, {k, 2, 1}}).verify().message(),
            "expected digits of n that count to 4, but they count to 2");
  EXPECT_EQ(WeightLayout(4, 2, {{n, 2, 1}, {n, 2, 1}, {k, 2, 1}}).verify().message(),
            "expected a digit of n with stride 2, but the next stride is 1");
  EXPECT_EQ(WeightLayout(2, 4, {{n, 2, 1}, {k, 2, 2}}).verify().message(),
            "expected a digit of k with stride 1, but the next stride is 2");
  EXPECT_EQ(WeightLayout(2, 2, {{n, 2, 1}, {k, 4, 1}}).verify().message(),
            "expected digits of k that count to 2, but they count to 4");
  EXPECT_EQ(WeightLayout(1, 1, {{n, 1, 1}}).verify().message(),
            "expected digits of size 2 to 65536, but got 1");
  EXPECT_EQ(WeightLayout(0, 4, {}).verify().message(),
            "expected a tile of 1 to 65536 rows and columns, but got 0x4");
}

// Ragged edges are filled with zeros and dropped again.
TEST(WeightLayout, ShuffleAndBack) {
  WeightLayout layout = WeightLayout::int4Fragments();
  std::mt19937 random(7);
  for (auto [rows, columns] : {std::pair(16, 64), {32, 128}, {17, 96}, {1, 1}, {40, 130}}) {
    std::vector<std::uint8_t> codes(rows * columns), back(codes.size()),
        shuffled(layout.shuffledSize(rows, columns));
    for (std::uint8_t &code : codes)
      code = 1 + random() % 15;
    ASSERT_TRUE(shuffleCodes(layout, rows, columns, codes, shuffled).ok());
    EXPECT_EQ(std::count(shuffled.begin(), shuffled.end(), 0),
              std::ptrdiff_t(shuffled.size() - codes.size()));
    ASSERT_TRUE(unshuffleCodes(layout, rows, columns, shuffled, back).ok());
    EXPECT_EQ(back, codes) << rows << "x" << columns;
  }
}

TEST(WeightLayout, SizesAreChecked) {
  std::vector<std::uint8_t> codes(5), shuffled(1024);
  EXPECT_EQ(shuffleCodes(WeightLayout::int4Fragments(), 2, 3, codes, shuffled).message(),
            "expected 6 codes, but got 5");
  codes.resize(6);
  shuffled.pop_back();
  EXPECT_EQ(unshuffleCodes(WeightLayout::int4Fragments(), 2, 3, shuffled, codes).message(),
            "expected 1024 shuffled codes, but got 1023");
}

} // namespace
