// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Kernels/StreamK.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

using namespace qllm::kernels;

namespace {

/// Fewer blocks than tiles and more, those that divide and those that do not.
const StreamK cases[] = {{7, 5, 3},   {7, 5, 7},     {7, 5, 14}, {7, 5, 35},
                         {7, 5, 34},  {4, 9, 8},     {3, 6, 5},  {1, 13, 4},
                         {64, 1, 13}, {64, 32, 132}, {5, 11, 1}, {448, 64, 132}};

TEST(StreamK, SharesAreEqualAndCoverAllSteps) {
  for (const StreamK &stream : cases) {
    ASSERT_EQ(stream.verify().message(), "");
    std::int64_t steps = stream.tiles * stream.steps;
    EXPECT_EQ(stream.begin(0), 0);
    EXPECT_EQ(stream.begin(stream.blocks), steps);
    for (std::int64_t block = 0; block != stream.blocks; ++block) {
      std::int64_t count = stream.begin(block + 1) - stream.begin(block);
      EXPECT_GE(count, steps / stream.blocks);
      EXPECT_LE(count, (steps + stream.blocks - 1) / stream.blocks);
      for (std::int64_t step = stream.begin(block); step != stream.begin(block + 1); ++step)
        ASSERT_EQ(stream.blockOf(step), block);
    }
  }
}

TEST(StreamK, PartsHaveSlotsOfTheirOwn) {
  for (const StreamK &stream : cases) {
    std::set<std::int64_t> taken;
    std::int64_t most = 1;
    for (std::int64_t tile = 0; tile != stream.tiles; ++tile) {
      std::int64_t first = stream.blockOf(tile * stream.steps);
      std::int64_t last = stream.blockOf((tile + 1) * stream.steps - 1);
      most = std::max(most, last - first + 1);
      for (std::int64_t block = first; last != first && block <= last; ++block) {
        EXPECT_TRUE(taken.insert(stream.slotOf(block, tile)).second);
        EXPECT_LT(stream.slotOf(block, tile), stream.slots());
      }
    }
    EXPECT_EQ(most, stream.mostBlocksOfTile());
  }
}

TEST(StreamK, TilesInsideOfShares) {
  for (const StreamK &stream : cases) {
    bool crosses = false, whole = false;
    for (std::int64_t block = 0; block != stream.blocks; ++block) {
      std::int64_t begin = stream.begin(block), end = stream.begin(block + 1);
      crosses |= begin / stream.steps != (end - 1) / stream.steps;
      std::int64_t tile = (begin + stream.steps - 1) / stream.steps;
      whole |= (tile + 1) * stream.steps <= end;
    }
    // What is said not to be is not.
    EXPECT_LE(crosses, stream.crossesTiles());
    EXPECT_LE(whole, stream.hasWholeTiles());
  }
  EXPECT_FALSE((StreamK{7, 5, 14}).crossesTiles());
  EXPECT_FALSE((StreamK{7, 5, 14}).hasWholeTiles());
  EXPECT_TRUE((StreamK{7, 5, 7}).hasWholeTiles());
}

TEST(StreamK, RefusesBlocksWithoutSteps) {
  EXPECT_EQ((StreamK{2, 3, 7}).verify().message(),
            "expected 1 to 6 blocks, each with one of the steps of 2 tiles of 3, but got 7");
  EXPECT_EQ((StreamK{65537, 32771, 65536}).verify().message(),
            "expected steps that 32 bits can share among blocks, but got 2147713027 and 65536");
}

} // namespace
