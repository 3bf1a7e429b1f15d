// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptors against their tables in the PTX ISA, and the limits of kernels in tensor memory.

#include "qllm/Kernels/TensorMemory.h"
#include "qllm/Kernels/BlockScaledKernel.h"

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

std::uint64_t field(std::uint64_t bits, unsigned first, unsigned last) {
  return bits >> first & ((std::uint64_t(2) << (last - first)) - 1);
}

TEST(TensorMemory, AllocatesPowersOfTwo) {
  EXPECT_EQ(TensorMemory::allocation(1), 32);
  EXPECT_EQ(TensorMemory::allocation(32), 32);
  EXPECT_EQ(TensorMemory::allocation(33), 64);
  EXPECT_EQ(TensorMemory::allocation(257), 512);
}

TEST(TensorMemory, DescribesMatrices) {
  std::uint64_t swizzled = MatrixDescriptor{1024, true}.bits();
  EXPECT_EQ(field(swizzled, 0, 13), 0u);
  EXPECT_EQ(field(swizzled, 16, 29), 1u);
  EXPECT_EQ(field(swizzled, 32, 45), 64u);
  EXPECT_EQ(field(swizzled, 46, 48), 1u);
  EXPECT_EQ(field(swizzled, 49, 60), 0u); // no base offset, relative leading offset
  EXPECT_EQ(field(swizzled, 61, 63), 2u);
  std::uint64_t plain = MatrixDescriptor{128, false}.bits();
  EXPECT_EQ(field(plain, 16, 29), 0u);
  EXPECT_EQ(field(plain, 32, 45), 8u);
  EXPECT_EQ(field(plain, 46, 48), 1u);
  EXPECT_EQ(field(plain, 49, 63), 0u);
}

TEST(TensorMemory, DescribesInstructions) {
  std::uint32_t nvfp4 = ScaledInstruction{256, /*isPowerScaled=*/false}.bits();
  EXPECT_EQ(field(nvfp4, 0, 6), 0u); // dense, scales of B from byte 0 on
  EXPECT_EQ(field(nvfp4, 7, 9), 1u);
  EXPECT_EQ(field(nvfp4, 10, 11), 1u);
  EXPECT_EQ(field(nvfp4, 12, 16), 0u); // neither negated nor transposed
  EXPECT_EQ(field(nvfp4, 17, 22), 32u);
  EXPECT_EQ(field(nvfp4, 23, 23), 0u);
  EXPECT_EQ(field(nvfp4, 24, 26), 0u);
  EXPECT_EQ(field(nvfp4, 27, 28), 1u);
  EXPECT_EQ(field(nvfp4, 29, 31), 0u); // scales of A from byte 0 on, 64 deep
  std::uint32_t mxfp4 = ScaledInstruction{128, /*isPowerScaled=*/true, /*scaleByte=*/2}.bits();
  EXPECT_EQ(field(mxfp4, 4, 5), 2u);
  EXPECT_EQ(field(mxfp4, 17, 22), 16u);
  EXPECT_EQ(field(mxfp4, 23, 23), 1u);
  EXPECT_EQ(field(mxfp4, 29, 30), 2u);
  EXPECT_EQ(field(mxfp4, 31, 31), 0u);
}

BlockScaledKernel makeKernel(std::int64_t blockLength, std::int64_t columns, std::int64_t stages) {
  BlockScaledKernel kernel;
  kernel.codes.input = kernel.codes.weight = {4, true};
  kernel.codes.columns = 1536;
  kernel.codes.depth = kernel.codes.groupLength = 1056;
  kernel.codes.schedule = {128, columns, 256, 4, 1, stages};
  kernel.codes.schedule.producers = 1;
  kernel.blockLength = blockLength;
  return kernel;
}

std::string messageOf(const BlockScaledKernel &kernel) { return kernel.verify().message(); }

// Sums take a column for each of the product; 128 words of scales take four.
TEST(TensorMemory, SizesOfKernels) {
  BlockScaledKernel kernel = makeKernel(16, 128, 3);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.stageBytes(), 2 * 128 * 128 + 8 * 512);
  EXPECT_EQ(kernel.sharedBytes(), 3 * kernel.stageBytes() + 64);
  EXPECT_EQ(kernel.tensorColumns(), 256); // 128 + 3 * 8 * 4
  kernel = makeKernel(32, 256, 4);
  EXPECT_EQ(messageOf(kernel), "");
  EXPECT_EQ(kernel.stageBytes(), (128 + 256) * 128 + 6 * 512);
  EXPECT_EQ(kernel.tensorColumns(), 512); // 256 + 4 * 6 * 4
}

TEST(TensorMemory, RefusesWhatDoesNotFit) {
  BlockScaledKernel kernel = makeKernel(16, 192, 3);
  EXPECT_EQ(messageOf(kernel),
            "expected tiles of 128x128 or 128x256 in tensor memory, but got 128x192");
  kernel = makeKernel(16, 128, 3);
  kernel.codes.schedule.warpRows = 8;
  EXPECT_EQ(messageOf(kernel), "expected 4x1 warps in tensor memory, but got 8x1");
  kernel = makeKernel(16, 128, 3);
  kernel.codes.schedule.tileDepth = 128;
  EXPECT_EQ(messageOf(kernel), "expected a tile depth of 256 in tensor memory, but got 128");
  EXPECT_EQ(messageOf(makeKernel(16, 256, 6)),
            "expected at most 512 columns in tensor memory, but got 1024 for 6 stages");
  EXPECT_EQ(messageOf(makeKernel(32, 256, 5)),
            "expected at most 232448 bytes of shared memory for products in tensor memory, but got "
            "261216 for 5 stages");
}

// Products are in tensor memory where there is some, and only there.
TEST(TensorMemory, BelongsToTargets) {
  BlockScaledKernel kernel = makeKernel(16, 128, 3);
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_100a")).message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_120a")).message(),
            "needs tensor memory mma (tcgen05.mma), which sm_120a does not have; it is there on "
            "sm_100a; elsewhere: block-scaled mma on sm_120a, and the interpreter on the rest");
  kernel.codes.schedule = {128, 128, 256, 2, 4, 3};
  EXPECT_EQ(kernel.verify().message(), "");
  EXPECT_EQ(kernel.verifyOn(*findTarget("sm_100a")).message(),
            "expected a producer on sm_100a, which multiplies in tensor memory, but got none");
}

} // namespace
