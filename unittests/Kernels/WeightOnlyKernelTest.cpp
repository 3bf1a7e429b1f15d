// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of kernels of floats and integer weights; their limits are in test/Dialect/Kernel.

#include "qllm/Kernels/WeightOnlyKernel.h"

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

WeightOnlyKernel makeKernel(Schedule schedule, std::int64_t groupLength = 4096) {
  WeightOnlyKernel kernel;
  kernel.weight = {4, true};
  kernel.columns = kernel.depth = 4096;
  kernel.groupLength = groupLength;
  kernel.schedule = schedule;
  return kernel;
}

TEST(WeightOnlyKernel, SizesOfTheRing) {
  WeightOnlyKernel kernel = makeKernel({64, 256, 64, 1, 4, 4});
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_FALSE(kernel.isDirect());
  EXPECT_EQ(kernel.tiles(), 64);
  EXPECT_EQ(kernel.inputTile().rowBytes, 128);
  EXPECT_EQ(kernel.weightTile().rows, 16);
  EXPECT_EQ(kernel.weightTile().rowBytes, 512);
  EXPECT_EQ(kernel.weightTile().pitch, 64 * 512);
  EXPECT_EQ(kernel.sharedBytes(), 4 * (64 * 128 + 16 * 512));
}

TEST(WeightOnlyKernel, SizesOfTheDirectForm) {
  WeightOnlyKernel kernel = makeKernel({8, 32, 1024, 4, 1, 1}, 128);
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_TRUE(kernel.isDirect());
  EXPECT_EQ(kernel.depthOfWarp(), 256);
  EXPECT_EQ(kernel.sharedBytes(), 4 * 8 * 36 * 4);
}

// A run ends with its group or with what a warp has of the tile.
TEST(WeightOnlyKernel, RunsEndWithGroupsOrTiles) {
  EXPECT_EQ(makeKernel({16, 128, 128, 1, 4, 4}).runLength(), 4096);
  EXPECT_EQ(makeKernel({16, 128, 128, 1, 4, 4}, 32).runLength(), 32);
  EXPECT_EQ(makeKernel({16, 128, 64, 1, 4, 4}, 128).runLength(), 64);
  EXPECT_EQ(makeKernel({8, 32, 256, 4, 1, 1}, 128).runLength(), 64);
}

TEST(WeightOnlyKernel, BlocksShareRowsOfTiles) {
  Schedule schedule{16, 128, 128, 1, 4, 4};
  schedule.blocks = 132;
  WeightOnlyKernel kernel = makeKernel(schedule);
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_EQ(kernel.stream().tiles, 32);
  EXPECT_EQ(kernel.stream().steps, 32);
  kernel.depth = kernel.groupLength = 4 * 128;
  EXPECT_EQ(kernel.verify().message(),
            "expected 1 to 128 blocks, each with one of the steps of 32 tiles of 4, but got 132");
}

// 96 sums of a thread on sm_80 spilled 16 bytes to 1.2 kB.
TEST(WeightOnlyKernel, BranchesOfSharedTilesNeedRegisters) {
  Schedule schedule{64, 192, 64, 1, 4, 3};
  schedule.blocks = 108;
  WeightOnlyKernel kernel = makeKernel(schedule);
  EXPECT_EQ(kernel.verify().message(), "");
  kernel.rank = 32;
  EXPECT_EQ(kernel.verify().message(),
            "expected tiles of warps with at most 64 sums of a thread, beside a low-rank branch by "
            "stream_k, but got 96 for 64x48");
  kernel.schedule.tileColumns = 128;
  EXPECT_EQ(kernel.verify().message(), "");
}

TEST(WeightOnlyKernel, SharedMemoryOfTargets) {
  WeightOnlyKernel kernel = makeKernel({64, 256, 128, 1, 8, 4}, 128);
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_80")).message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_89")).message(),
            "expected at most 101376 bytes of shared memory on sm_89, but got 131072 for 4 stages");
}

TEST(WeightOnlyKernel, RanksAreStepsOfHalves) {
  for (const Schedule &schedule :
       {Schedule{64, 256, 64, 1, 4, 4}, Schedule{8, 32, 1024, 4, 1, 1}}) {
    WeightOnlyKernel kernel = makeKernel(schedule);
    for (std::int64_t rank : {0, 16, 1024}) {
      kernel.rank = rank;
      EXPECT_EQ(kernel.verify().message(), "");
    }
    for (std::int64_t rank : {-16, 24, 1040}) {
      kernel.rank = rank;
      EXPECT_EQ(kernel.verify().message(),
                "expected a rank that is a multiple of 16 and at most 1024, but got " +
                    std::to_string(rank));
    }
  }
}

TEST(LinearKernel, RanksAreStepsOfEightBits) {
  LinearKernel kernel;
  kernel.input = kernel.weight = {8, true};
  kernel.columns = 128;
  kernel.depth = kernel.groupLength = 256;
  kernel.schedule = {128, 128, 64, 2, 4, 4};
  for (std::int64_t rank : {0, 32, 1024}) {
    kernel.rank = rank;
    EXPECT_EQ(kernel.verify().message(), "");
  }
  kernel.rank = 1056;
  EXPECT_EQ(kernel.verify().message(),
            "expected a rank that is a multiple of 32 and at most 1024, but got 1056");
}

} // namespace
