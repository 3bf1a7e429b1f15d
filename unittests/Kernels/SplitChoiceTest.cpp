// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Kernels/SplitChoice.h"

#include "gtest/gtest.h"

using namespace qllm;
using namespace qllm::kernels;

namespace {

SplitCost best(std::int64_t cacheHeads, std::int64_t rows, std::int64_t length) {
  AttentionKernel kernel{{cacheHeads, 64, 4, 4, 64}, 4 * cacheHeads, 4, 1};
  return chooseSplits(kernel, *findTarget("sm_80"), rows, length).front();
}

// Every number that there is a kernel for is there once, cheapest first.
TEST(SplitChoice, OrdersAllNumbers) {
  AttentionKernel kernel{{2, 128, 8, 4, 64}, 2, 1, 0};
  for (const Target &target : allTargets()) {
    std::vector<SplitCost> costs = chooseSplits(kernel, target, 1, 4096);
    ASSERT_EQ(costs.size(), 64u) << target.name;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i != costs.size(); ++i) {
      sum += costs[i].splits;
      EXPECT_EQ(costs[i].blocks, 2 * costs[i].splits);
      if (i != 0)
        EXPECT_LE(costs[i - 1].cycles, costs[i].cycles);
    }
    EXPECT_EQ(sum, 64 * 65 / 2);
  }
}

// The longer a sequence, the more blocks share it; a short one is left to one.
TEST(SplitChoice, FollowsTheLength) {
  EXPECT_EQ(best(3, 1, 64).splits, 1);
  EXPECT_GT(best(3, 1, 2048).splits, 1);
  EXPECT_GT(best(3, 1, 8192).splits, best(3, 1, 2048).splits);
}

// No split has less than a round of its four warps, and heads that fill more multiprocessors by
// themselves want fewer.
TEST(SplitChoice, FollowsRoundsAndHeads) {
  EXPECT_EQ(best(3, 1, 2048).splits, 2048 / 32 / 4);
  EXPECT_LT(best(32, 1, 8192).splits, best(3, 1, 8192).splits);
  EXPECT_EQ(best(216, 1, 8192).splits, 1);
}

// A prompt has tiles of queries enough.
TEST(SplitChoice, LeavesPromptsWhole) {
  EXPECT_EQ(best(3, 2048, 2048).splits, 1);
  EXPECT_EQ(best(1, 2048, 2048).splits, 1);
}

// A kernel that is not there has no numbers.
TEST(SplitChoice, RefusesWhatHasNoKernel) {
  AttentionKernel kernel{{2, 48, 8, 4, 64}, 2, 1, 1};
  EXPECT_TRUE(chooseSplits(kernel, *findTarget("sm_80"), 1, 64).empty());
}

} // namespace
