// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sizes of kernels, and every limit from both sides.

#include "qllm/Kernels/LinearKernel.h"

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

LinearKernel makeKernel(unsigned inputBits, unsigned weightBits) {
  LinearKernel kernel;
  kernel.input = {inputBits, true};
  kernel.weight = {weightBits, true};
  kernel.columns = 1536;
  kernel.depth = kernel.groupLength = 1024;
  kernel.schedule = {128, 128, inputBits > 4 ? 64 : 128, 2, 4, 4};
  return kernel;
}

std::string messageOf(const LinearKernel &kernel) { return kernel.verify().message(); }

TEST(LinearKernel, SizesOfEightBits) {
  LinearKernel kernel = makeKernel(8, 8);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.schedule.threads(), 256);
  EXPECT_EQ(kernel.tiles(), 16);
  EXPECT_EQ(kernel.stageBytes(), 2 * 128 * 64);
  EXPECT_FALSE(kernel.isWeightShuffled());
  EXPECT_EQ(kernel.weightTile().pitch, 1024);
}

// Weights in the order of fragments: a row is a row of tiles of 512 bytes, filled up at the end.
TEST(LinearKernel, SizesOfShuffledWeights) {
  LinearKernel kernel = makeKernel(8, 4);
  kernel.depth = kernel.groupLength = 1056;
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_TRUE(kernel.isWeightShuffled());
  EXPECT_EQ(kernel.weightTile().rows, 8);
  EXPECT_EQ(kernel.weightTile().rowBytes, 512);
  EXPECT_EQ(kernel.weightTile().pitch, 17 * 512);
  EXPECT_EQ(kernel.tiles(), 17);
}

TEST(LinearKernel, FourBitsAreNativeWhereTheTableSaysSo) {
  LinearKernel kernel = makeKernel(4, 4);
  EXPECT_EQ(kernel.formOn(*findTarget("sm_89")), MmaForm::Int4);
  EXPECT_EQ(kernel.formOn(*findTarget("sm_90a")), MmaForm::Int8);
  EXPECT_EQ(kernel.scaleLog2(MmaForm::Int4), 0u);
  EXPECT_EQ(kernel.scaleLog2(MmaForm::Int8), 8u);
  EXPECT_EQ(makeKernel(8, 4).formOn(*findTarget("sm_80")), MmaForm::Int8);
  EXPECT_EQ(makeKernel(8, 4).scaleLog2(MmaForm::Int8), 4u);
}

// Groups of four bits stay in float bits in both forms.
TEST(LinearKernel, GroupsAreProven) {
  LinearKernel kernel = makeKernel(4, 4);
  kernel.groupLength = 128;
  EXPECT_EQ(messageOf(kernel), "");
  for (MmaForm form : {MmaForm::Int4, MmaForm::Int8})
    EXPECT_EQ(kernel.proveAccumulator(form).accumulator, Accumulator::FloatBits);
}

TEST(LinearKernel, FormatsThatDoNotExist) {
  EXPECT_EQ(messageOf(makeKernel(4, 8)),
            "expected weights that take no more bits than inputs, but got int8 beside int4");
  EXPECT_EQ(messageOf(makeKernel(8, 2)), "expected codes of 3 to 8 bits, but got int2");
}

TEST(LinearKernel, RowsAndGroups) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.depth = kernel.groupLength = 1000;
  EXPECT_EQ(messageOf(kernel), "expected rows of a multiple of 16 bytes, which asynchronous copies "
                               "need, but got 1000 codes of 8 bits");
  kernel = makeKernel(8, 8);
  kernel.groupLength = 128;
  EXPECT_EQ(messageOf(kernel),
            "expected groups that are a multiple of 32 and divide the tile depth "
            "of 64, but got groups of 128");
  kernel.groupLength = 48;
  EXPECT_EQ(messageOf(kernel), "expected groups that divide 1024, but got groups of 48");
}

TEST(LinearKernel, ScalesAreAddressedInThirtyTwoBits) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.columns = 65535 * 128;
  EXPECT_EQ(messageOf(kernel), "");
  kernel.depth = 8192;
  kernel.groupLength = 64;
  EXPECT_EQ(messageOf(kernel), "expected at most 536870911 scales of weights, but got 128x8388480");
}

TEST(LinearKernel, TilesOfColumnsFitIntoAGrid) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.columns = 65535 * 128 + 1;
  EXPECT_EQ(messageOf(kernel), "expected at most 65535 tiles of columns, the most that a grid "
                               "has, but got 65536 of 128");
}

TEST(LinearKernel, Tiles) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.schedule.tileRows = 48;
  EXPECT_EQ(messageOf(kernel),
            "expected tiles of warps that are multiples of 16x16, but got 48x128 "
            "on 2x4 warps");
  kernel = makeKernel(8, 8);
  kernel.schedule.tileDepth = 32;
  EXPECT_EQ(messageOf(kernel),
            "expected a tile depth of 64 or 128 bytes of input, but got 32 bytes");
  kernel = makeKernel(8, 8);
  kernel.schedule.stages = 1;
  EXPECT_EQ(messageOf(kernel), "expected 2 to 8 stages, but got 1");
  kernel.schedule.stages = 0;
  EXPECT_EQ(messageOf(kernel), "expected sizes of 1 to 65536, but got 0");
}

TEST(LinearKernel, ThreadsAndRegisters) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.schedule = {128, 1024, 64, 1, 64, 2};
  EXPECT_EQ(messageOf(kernel), "expected at most 32 warps, but got 64");
  kernel.schedule = {128, 128, 64, 1, 2, 4};
  EXPECT_EQ(messageOf(kernel), "expected tiles of warps that take at most 255 registers of each "
                               "of 64 threads, but got about 328 for 128x64");
  kernel.schedule = {256, 256, 64, 4, 4, 2};
  EXPECT_EQ(messageOf(kernel), "expected tiles of warps that take at most 128 registers of each "
                               "of 512 threads, but got about 200 for 64x64");
  // Sums of 64 registers spilled by 16 bytes.
  kernel.schedule = {128, 256, 64, 4, 4, 2};
  EXPECT_EQ(messageOf(kernel), "expected tiles of warps that take at most 128 registers of each "
                               "of 512 threads, but got about 136 for 32x64");
}

TEST(LinearKernel, Copies) {
  LinearKernel kernel = makeKernel(8, 4);
  kernel.schedule = {64, 16, 128, 1, 1, 2};
  EXPECT_EQ(messageOf(kernel), "expected a multiple of 2 warps for rows of 128 bytes, but got 1");
}

TEST(LinearKernel, SharedMemoryOfTargets) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.schedule = {128, 256, 64, 2, 4, 6};
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_TRUE(kernel.verifyOn(*findTarget("sm_80")).ok());
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_86")).message(),
            "expected at most 101376 bytes of shared memory on sm_86, but got 147456 for 6 stages");
}

TEST(LinearKernel, SumsThatOverflow) {
  LinearKernel kernel = makeKernel(8, 8);
  kernel.depth = kernel.groupLength = 131072;
  EXPECT_EQ(messageOf(kernel), "the sum of 131072 products of [-128, 127] and [-128, 127] lies in "
                               "[-2130706432, 2147483648], outside int32");
}

// What fits as four bits may not fit as multiples of 16.
TEST(LinearKernel, ProofsDependOnTheTarget) {
  LinearKernel kernel = makeKernel(4, 4);
  kernel.depth = kernel.groupLength = 131072;
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_TRUE(kernel.verifyOn(*findTarget("sm_80")).ok());
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_90a")).message(),
            "the sum of 131072 products of [-8, 7] and [-8, 7] times 256 lies in [-1879048192, "
            "2147483648], outside int32 on sm_90a");
}

LinearKernel makeWarpgroupKernel(unsigned weightBits) {
  LinearKernel kernel = makeKernel(8, weightBits);
  kernel.schedule = {128, 256, 128, 8, 1, 4, /*blocks=*/0, /*producers=*/1};
  if (weightBits == 4)
    kernel.schedule = {256, 128, 128, 1, 8, 4, /*blocks=*/0, /*producers=*/1};
  return kernel;
}

// Producers load by boxes: of rows as wide as the swizzle, or of 256 bytes of a row of the layout.
TEST(LinearKernel, WarpgroupsLoadBoxes) {
  LinearKernel kernel = makeWarpgroupKernel(8);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_FALSE(kernel.isTransposed());
  EXPECT_EQ(kernel.schedule.threads(), 384);
  EXPECT_EQ(kernel.stageBytes(), (128 + 256) * 128);
  EXPECT_EQ(kernel.sharedBytes(), 4 * kernel.stageBytes() + 64);
  ASSERT_EQ(kernel.boxes().size(), 2u);
  EXPECT_EQ(kernel.boxes()[1].rows, 256);
  EXPECT_EQ(kernel.boxes()[1].rowBytes, 128);
  EXPECT_EQ(kernel.boxes()[1].swizzle, 128);
  kernel = makeWarpgroupKernel(4);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_TRUE(kernel.isTransposed());
  EXPECT_EQ(kernel.boxes()[1].rows, 8);
  EXPECT_EQ(kernel.boxes()[1].rowBytes, 256);
  EXPECT_EQ(kernel.boxes()[1].swizzle, 0);
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_90a")).message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_100a")).message(),
            "expected no producers on sm_100a, which has no warpgroup mma, but got 1");
}

// Weights of eight bits are on either side; on the left, tiles have as few rows as the instruction
// has columns.
TEST(LinearKernel, WarpgroupsThatShareColumns) {
  LinearKernel kernel = makeWarpgroupKernel(8);
  kernel.schedule = {8, 128, 128, 1, 8, 8, /*blocks=*/0, /*producers=*/1};
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_TRUE(kernel.isTransposed());
  EXPECT_EQ(kernel.wholeSide(), 8);
  EXPECT_EQ(kernel.boxes()[0].rows, 8);
  EXPECT_EQ(kernel.boxes()[1].rows, 128);
  kernel.schedule.tileRows = 24;
  EXPECT_EQ(messageOf(kernel),
            "expected 8 or a multiple of 16 up to 256 rows of the tile with producers, but got 24");
}

// What belongs to the groups of a tile is in registers, beside sums and fragments, and so are sums
// of groups that an assembler begins early. The tiles that are refused spilled.
TEST(LinearKernel, RegistersOfGroups) {
  LinearKernel kernel = makeKernel(8, 4);
  kernel.schedule = {64, 128, 128, 2, 2, 2};
  kernel.groupLength = 128;
  const Target &target = *findTarget("sm_80");
  EXPECT_EQ(kernel.verifyOn(target).message(), "");
  kernel.groupLength = 32;
  EXPECT_EQ(
      kernel.verifyOn(target).message(),
      "expected tiles of warps whose sums, fragments and groups take at most 215 registers of "
      "each of 128 threads on sm_80, but got about 364 for 32x64 and 4 groups in a tile");
  kernel.schedule.warpColumns = 4;
  EXPECT_EQ(kernel.verifyOn(target).message(), "");
  kernel.weight.isSigned = false;
  kernel.depth = 1152;
  const char *refusal =
      "expected tiles of warps whose sums, fragments and groups take at most 215 registers of each "
      "of 256 threads on sm_120a, but got about 256 for 32x32 and 4 groups in a tile";
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_120a")).message(), refusal);
  // 512 threads have half as many each.
  kernel.weight.isSigned = true;
  kernel.schedule = {64, 256, 64, 2, 8, 2};
  EXPECT_EQ(kernel.verifyOn(target).message(),
            "expected tiles of warps whose sums, fragments and groups take at most 88 registers of "
            "each of 512 threads on sm_80, but got about 116 for 32x32 and 2 groups in a tile");
}

// What is multiplied are differences of codes and zero points of groups, if those are bytes; what
// belongs to rows and groups of inputs takes shared memory behind the barriers.
TEST(LinearKernel, WarpgroupsWithGroups) {
  LinearKernel kernel = makeWarpgroupKernel(4);
  kernel.schedule = {128, 128, 128, 1, 8, 4, /*blocks=*/0, /*producers=*/1};
  kernel.groupLength = 32;
  EXPECT_EQ(messageOf(kernel),
            "expected 8 or a multiple of 16 up to 64 rows of the tile with producers, but got 128");
  kernel.schedule.tileRows = 64;
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.scaleLog2(MmaForm::Int8), 4u);
  kernel.weight.isSigned = false;
  kernel.weightZero = {0, 15};
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.scaleLog2(MmaForm::Int8), 0u);
  EXPECT_EQ(kernel.proveAccumulator(MmaForm::Int8).explanation,
            "the sum of 32 products of [-128, 127] and [-15, 15] lies in [-61440, 61440], below "
            "2^22");
  EXPECT_EQ(kernel.sharedBytes(), kernel.ringBytes() + 64);
  kernel.input.isSigned = false;
  EXPECT_EQ(kernel.sharedBytes(), kernel.ringBytes() + 64 + 4 * (64 * 4));
  kernel.input.isSigned = true;
  kernel.hasInputGroups = true;
  EXPECT_EQ(kernel.sharedBytes(), kernel.ringBytes() + 64 + 4 * (4 * 64 * 4));
  kernel.input.isSigned = false;
  EXPECT_EQ(kernel.sharedBytes(), kernel.ringBytes() + 64 + 4 * 2 * (4 * 64 * 4));
  kernel.schedule.producers = 0;
  EXPECT_EQ(kernel.scaleLog2(MmaForm::Int8), 4u);
}

TEST(LinearKernel, WarpgroupSchedules) {
  auto messageWith = [](auto change, unsigned weightBits = 8) {
    LinearKernel kernel = makeWarpgroupKernel(weightBits);
    change(kernel);
    return messageOf(kernel);
  };
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.producers = 2; }),
            "expected one of them with producers, but got 2");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.rank = 32; }), "");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.tileDepth = 64; }),
            "expected a tile depth of 128 with producers, but got 64");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.groupLength = 128; }),
            "expected warps that share columns, as there are scales of groups with producers, but "
            "got 8x1 warps");
  EXPECT_EQ(
      messageWith([](LinearKernel &kernel) { kernel.groupLength = 128; }, 4),
      "expected 8 or a multiple of 16 up to 128 rows of the tile with producers, but got 256");
  auto asymmetricGroups = [](LinearKernel &kernel) {
    kernel.groupLength = 128;
    kernel.weight.isSigned = false;
    kernel.weightZero = {0, 255};
  };
  EXPECT_EQ(
      messageWith(asymmetricGroups, 4),
      "expected groups of symmetric weights, or of weights of 3 or 4 bits with zero points of "
      "4 with producers, but got uint4 with zero points in [0, 255]");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.stages = 9; }),
            "expected 2 to 8 stages with producers, but got 9");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.tileRows = 256; }),
            "expected 4 or 8 warps that have 16 rows of the tile each with producers, but got 8x1 "
            "warps on 256x256");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.tileColumns = 512; }),
            "expected 8 or a multiple of 16 up to 256 columns of the tile with producers, but got "
            "512");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.stages = 5; }),
            "expected at most 232448 bytes of shared memory with producers, but got 245840 for 5 "
            "stages");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.schedule.warpRows = 8; }, 4),
            "expected 4 or 8 warps that have 16 columns of the tile each with producers, but got "
            "8x8 warps on 256x128");
  EXPECT_EQ(messageWith([](LinearKernel &kernel) { kernel.input.bits = 4; }, 4),
            "expected inputs of one code to a byte with producers, but got int4, two to a byte");
}

} // namespace
