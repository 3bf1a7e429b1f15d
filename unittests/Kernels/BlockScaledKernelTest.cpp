// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of block-scaled kernels, and their limits.

#include "qllm/Kernels/BlockScaledKernel.h"

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

BlockScaledKernel makeKernel(std::int64_t blockLength) {
  BlockScaledKernel kernel;
  kernel.codes.input = kernel.codes.weight = {4, true};
  kernel.codes.columns = 1536;
  kernel.codes.depth = kernel.codes.groupLength = 1056;
  kernel.codes.schedule = {128, 128, 128, 2, 4, 4};
  kernel.blockLength = blockLength;
  return kernel;
}

std::string messageOf(const BlockScaledKernel &kernel) { return kernel.verify().message(); }

TEST(BlockScaledKernel, WordsOfScales) {
  BlockScaledKernel kernel = makeKernel(16);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.stepsOfWord(), 1);
  EXPECT_EQ(kernel.wordsOfRow(), 17);
  EXPECT_EQ(kernel.wordsOfTile(), 2);
  kernel = makeKernel(32);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.stepsOfWord(), 2);
  EXPECT_EQ(kernel.wordsOfRow(), 9);
  EXPECT_EQ(kernel.wordsOfTile(), 1);
}

TEST(BlockScaledKernel, RefusesWhatDoesNotFitScales) {
  EXPECT_EQ(messageOf(makeKernel(64)), "expected blocks of 16 or 32 elements, but got 64");
  BlockScaledKernel kernel = makeKernel(16);
  kernel.codes.schedule.tileColumns = 192;
  EXPECT_EQ(messageOf(kernel), "expected tiles of warps of 16, 32, 64 or 128 rows and columns, as "
                               "scales lie, but got 64x48");
  kernel = makeKernel(16);
  kernel.codes.depth = kernel.codes.groupLength = (1 << 26) + 32;
  EXPECT_EQ(messageOf(kernel), "expected at most 2^26 columns of the weight, but got 67108896");
  kernel = makeKernel(16);
  kernel.codes.depth = kernel.codes.groupLength = 48;
  EXPECT_EQ(messageOf(kernel), "expected rows of a multiple of 16 bytes, which asynchronous copies "
                               "need, but got 48 codes of 4 bits");
}

TEST(BlockScaledKernel, NeedsTheInstruction) {
  BlockScaledKernel kernel = makeKernel(16);
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_120a")).message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_90a")).message(),
            "needs block-scaled mma (mma.sync.block_scale), which sm_90a does not have; it is "
            "there on sm_120a; elsewhere: tensor memory mma on sm_100a, and the interpreter on "
            "the rest");
  kernel.codes.schedule.stages = 7;
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_120a")).message(),
            "expected at most 101376 bytes of shared memory on sm_120a, but got 114688 for 7 "
            "stages");
}

} // namespace
