// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The facts of the table that kernels rely on, and its words.

#include "qllm/Kernels/Target.h"

#include <gtest/gtest.h>

using namespace qllm::kernels;

namespace {

TEST(Target, SharedMemoryOfABlock) {
  const std::pair<const char *, unsigned> wanted[] = {{"sm_80", 163},   {"sm_86", 99},
                                                      {"sm_89", 99},    {"sm_90a", 227},
                                                      {"sm_100a", 227}, {"sm_120a", 99}};
  ASSERT_EQ(allTargets().size(), std::size(wanted));
  for (auto [name, kib] : wanted) {
    ASSERT_NE(findTarget(name), nullptr) << name;
    EXPECT_EQ(findTarget(name)->sharedKiB, kib) << name;
  }
  EXPECT_EQ(largestSharedBytes(), 227 * 1024);
}

TEST(Target, UnknownNamesHaveNone) {
  EXPECT_EQ(findTarget("sm_90"), nullptr);
  EXPECT_EQ(findTarget(""), nullptr);
}

TEST(Target, FourBitTensorCoresEndWithAda) {
  EXPECT_EQ(listTargets(Capability::MmaInt4), "sm_80, sm_86, sm_89");
  EXPECT_EQ(findTarget("sm_90a")->has(Capability::MmaInt4), Support::Emulated);
}

TEST(Target, OneTargetEachForWarpgroupsTensorMemoryAndBlockScales) {
  EXPECT_EQ(listTargets(Capability::WarpgroupMma), "sm_90a");
  EXPECT_EQ(listTargets(Capability::TensorMemoryMma), "sm_100a");
  EXPECT_EQ(listTargets(Capability::MmaBlockScale), "sm_120a");
}

TEST(Target, OnlyTheFirstConvertsSlowly) {
  for (const Target &target : allTargets())
    EXPECT_EQ(target.isNative(Capability::FastIntToFloat), target.name != "sm_80") << target.name;
}

TEST(Target, EveryCapabilityIsExplainedAndExistsSomewhere) {
  for (unsigned i = 0; i != capabilityCount; ++i) {
    const CapabilityInfo &info = describe(Capability(i));
    EXPECT_FALSE(info.name.empty() || info.instruction.empty() || info.instead.empty()) << i;
    EXPECT_FALSE(listTargets(Capability(i)).empty()) << info.name;
  }
}

} // namespace
