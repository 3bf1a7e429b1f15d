// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Kernels/ScheduleChoice.h"

#include "gtest/gtest.h"

using namespace qllm;
using namespace qllm::kernels;

namespace {

LinearKernel w4a8(std::int64_t columns, std::int64_t depth) {
  LinearKernel kernel;
  kernel.input = {8, true};
  kernel.weight = {4, true};
  kernel.columns = columns;
  kernel.depth = kernel.groupLength = depth;
  return kernel;
}

// Few rows are not padded to a large tile; many are not read over and over in small ones.
TEST(ScheduleChoice, FollowsTheRows) {
  const Target &target = *findTarget("sm_80");
  EXPECT_EQ(chooseSchedule(w4a8(4096, 4096), target, 1).candidates.front().schedule.tileRows, 16);
  Schedule large = chooseSchedule(w4a8(4096, 4096), target, 8192).candidates.front().schedule;
  EXPECT_GE(large.tileRows * large.tileColumns, 128 * 128);
}

// All candidates work on the target, cheapest first, and each shape is there once for a depth.
TEST(ScheduleChoice, CandidatesWork) {
  for (const Target &target : allTargets()) {
    LinearKernel kernel = w4a8(1536, 576);
    ScheduleChoice choice = chooseSchedule(kernel, target, 2048);
    ASSERT_FALSE(choice.candidates.empty()) << target.name;
    double before = 0;
    for (const ScheduleCost &candidate : choice.candidates) {
      kernel.schedule = candidate.schedule;
      EXPECT_TRUE(kernel.verify() && kernel.verifyOn(target)) << candidate.str();
      EXPECT_GE(candidate.cycles, before);
      before = candidate.cycles;
    }
  }
}

// 99 KiB of shared memory hold fewer stages than 163.
TEST(ScheduleChoice, FollowsTheSharedMemory) {
  auto largestOf = [](const char *name) {
    std::int64_t largest = 0;
    for (const ScheduleCost &candidate :
         chooseSchedule(w4a8(4096, 4096), *findTarget(name), 4096).candidates) {
      LinearKernel kernel = w4a8(4096, 4096);
      kernel.schedule = candidate.schedule;
      largest = std::max(largest, kernel.sharedBytes());
    }
    return largest;
  };
  EXPECT_LE(largestOf("sm_86"), 99 * 1024);
  EXPECT_GT(largestOf("sm_80"), 99 * 1024);
}

// Few rows beside fewer tiles than there are multiprocessors, or not many more, are shared; there is
// always a candidate for more rows, and none by stream-K for many.
TEST(ScheduleChoice, SharesFewTiles) {
  WeightOnlyKernel kernel;
  kernel.weight = {4, true};
  kernel.columns = kernel.depth = 4096;
  kernel.groupLength = 128;
  for (const Target &target : allTargets())
    for (std::int64_t rows : {1, 2, 8, 16, 33, 64, 65, 4096}) {
      ScheduleChoice choice = chooseSchedule(kernel, target, rows);
      ASSERT_TRUE(choice.best(/*streamed=*/false)) << choice.refusal;
      EXPECT_EQ(bool(choice.best(/*streamed=*/true)), rows <= 64);
      for (const ScheduleCost &candidate : choice.candidates) {
        kernel.schedule = candidate.schedule;
        EXPECT_TRUE(kernel.verify() && kernel.verifyOn(target)) << candidate.str();
      }
    }
  const Target &target = *findTarget("sm_90a");
  ScheduleCost best = chooseSchedule(kernel, target, 16).candidates.front();
  EXPECT_TRUE(best.schedule.isStreamed()) << best.str();
  EXPECT_GE(best.blocks, best.multiprocessors * 9 / 10);
  // A branch takes its time, in tiles of 8 rows too.
  kernel.rank = 64;
  for (std::int64_t rows : {1, 16}) {
    WeightOnlyKernel without = kernel;
    without.rank = 0;
    EXPECT_GT(chooseSchedule(kernel, target, rows).candidates.front().cycles,
              chooseSchedule(without, target, rows).candidates.front().cycles);
  }
  kernel.rank = 0;
  // It is not worth an exchange where a block has little to do.
  kernel.columns = 1536;
  kernel.depth = 512;
  EXPECT_FALSE(chooseSchedule(kernel, target, 16).candidates.front().schedule.isStreamed());
}

// Sums of block-scaled products are in tensor memory where there is some.
TEST(ScheduleChoice, UsesTensorMemory) {
  BlockScaledKernel kernel;
  kernel.codes.input = kernel.codes.weight = {4, true};
  kernel.codes.columns = 4096;
  kernel.codes.depth = kernel.codes.groupLength = 4096;
  kernel.blockLength = 16;
  for (auto [name, producers] : {std::pair("sm_100a", 1), {"sm_120a", 0}}) {
    const Target &target = *findTarget(name);
    ScheduleChoice choice = chooseSchedule(kernel, target, 4096);
    ASSERT_FALSE(choice.candidates.empty()) << choice.refusal;
    for (const ScheduleCost &candidate : choice.candidates) {
      kernel.codes.schedule = candidate.schedule;
      EXPECT_EQ(candidate.schedule.producers, producers);
      EXPECT_TRUE(kernel.verify() && kernel.verifyOn(target)) << candidate.str();
    }
  }
  // Of the tiles of 128 columns, the one that two blocks of which fit comes first.
  for (const ScheduleCost &candidate :
       chooseSchedule(kernel, *findTarget("sm_100a"), 4096).candidates)
    if (candidate.schedule.tileColumns == 128) {
      EXPECT_EQ(candidate.schedule.stages, 3);
      break;
    }
}

// Tensor cores are faster by warpgroups, where there are enough rows to keep them busy; one target
// has them, and they have no groups of weights of eight bits with zero points.
TEST(ScheduleChoice, TakesProducersForManyRows) {
  LinearKernel kernel = w4a8(4096, 4096);
  auto producers = [&](const char *target, std::int64_t rows) {
    return chooseSchedule(kernel, *findTarget(target), rows).candidates.front().schedule.producers;
  };
  EXPECT_EQ(producers("sm_90a", 8192), 1);
  EXPECT_EQ(producers("sm_80", 8192), 0);
  kernel.weight.bits = 8;
  kernel.groupLength = 128;
  EXPECT_EQ(producers("sm_90a", 8192), 1);
  kernel.hasInputGroups = true;
  EXPECT_EQ(producers("sm_90a", 8192), 1);
  kernel.weight.isSigned = false;
  kernel.weightZero = {0, 15};
  ScheduleChoice grouped = chooseSchedule(kernel, *findTarget("sm_90a"), 8192);
  EXPECT_EQ(grouped.candidates.front().schedule.producers, 0);
  EXPECT_NE(grouped.producerRefusal.find("groups of symmetric weights"), std::string::npos);
}

/// The cheapest candidate that a producer serves, of those with so many warps along the rows.
const ScheduleCost *bestProduced(const ScheduleChoice &choice, std::int64_t warpRows) {
  for (const ScheduleCost &candidate : choice.candidates)
    if (candidate.schedule.producers == 1 && candidate.schedule.warpRows == warpRows)
      return &candidate;
  return nullptr;
}

// Where warps share columns, tiles of warpgroups are as low as few rows are, with any weights;
// eight bits can be on either side.
TEST(ScheduleChoice, TakesLowTilesForFewRows) {
  for (unsigned bits : {4u, 8u}) {
    LinearKernel kernel = w4a8(4096, 4096);
    kernel.weight.bits = bits;
    ScheduleChoice choice = chooseSchedule(kernel, *findTarget("sm_90a"), 8);
    const ScheduleCost *columns = bestProduced(choice, 1), *rows = bestProduced(choice, 4);
    ASSERT_NE(columns, nullptr);
    EXPECT_EQ(columns->schedule.tileRows, 8);
    EXPECT_EQ(rows != nullptr, bits == 8);
  }
}

// A tile of 64 rows loads what is there: eight bits of few tokens are bound by their weights.
TEST(ScheduleChoice, CountsRowsThatAreThere) {
  LinearKernel kernel = w4a8(4096, 4096);
  kernel.weight.bits = 8;
  auto cycles = [&](std::int64_t rows) {
    return bestProduced(chooseSchedule(kernel, *findTarget("sm_90a"), rows), 4)->cycles;
  };
  EXPECT_LT(cycles(1), 0.75 * cycles(64));
}

TEST(ScheduleChoice, SaysWhatForbidsAll) {
  ScheduleChoice choice = chooseSchedule(w4a8(64, 40), *findTarget("sm_80"), 16);
  EXPECT_TRUE(choice.candidates.empty());
  EXPECT_NE(choice.refusal.find("multiple of 16 bytes"), std::string::npos);
}

} // namespace
