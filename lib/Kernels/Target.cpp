// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The capability table.

#include "qllm/Kernels/Target.h"

#include <algorithm>

using namespace qllm;
using namespace qllm::kernels;

namespace {

constexpr Support no = Support::Absent, slow = Support::Emulated, yes = Support::Native;

/// A row of the table: one capability on every target, in the order of `targetFacts`.
struct Row {
  CapabilityInfo info;
  std::array<Support, 6> support;
};

constexpr std::string_view noKernel = "no kernel is emitted, and the interpreter runs it";

// In the order of `Capability`.
constexpr std::array<Row, capabilityCount> rows = {{
    //                                                        80    86    89    90a   100a  120a
    {{"8-bit integer mma", "mma.sync.m16n8k32.s8", noKernel}, {yes, yes, yes, yes, yes, yes}},
    {{"4-bit integer mma", "mma.sync.m16n8k64.s4", "8-bit mma on codes times 16, exact as well"},
     {yes, yes, yes, slow, slow, slow}},
    {{"half precision mma", "mma.sync.m16n8k16.f16", noKernel}, {yes, yes, yes, yes, yes, yes}},
    {{"fp8 mma", "mma.sync.m16n8k32.e4m3", noKernel}, {no, no, yes, yes, yes, yes}},
    {{"block-scaled mma", "mma.sync.block_scale",
      "tensor memory mma on sm_100a, and the interpreter on the rest"},
     {no, no, no, no, no, yes}},
    {{"warpgroup mma", "wgmma.mma_async", "mma.sync"}, {no, no, no, yes, no, no}},
    {{"tensor memory mma", "tcgen05.mma",
      "block-scaled mma on sm_120a, and the interpreter on the rest"},
     {no, no, no, no, yes, no}},
    {{"matrix load", "ldmatrix", "loads of single words"}, {yes, yes, yes, yes, yes, yes}},
    {{"matrix store", "stmatrix", "stores of single words"}, {no, no, no, yes, yes, yes}},
    {{"asynchronous copy", "cp.async", "loads and stores"}, {yes, yes, yes, yes, yes, yes}},
    {{"tensor copy", "cp.async.bulk.tensor", "cp.async"}, {no, no, no, yes, yes, yes}},
    {{"thread block clusters", "barrier.cluster", "single blocks"}, {no, no, no, yes, yes, yes}},
    {{"register rebalancing", "setmaxnreg", "equal registers for all warps"},
     {no, no, no, yes, yes, yes}},
    {{"dependent launch", "griddepcontrol", "ordinary launches"}, {no, no, no, yes, yes, yes}},
    {{"fp8 conversion", "cvt.rn.satfinite.e4m3x2", noKernel}, {no, no, yes, yes, yes, yes}},
    {{"fp4 conversion", "cvt.rn.satfinite.e2m1x2", noKernel}, {no, no, no, no, yes, yes}},
    {{"int to float at full rate", "cvt.rn.f32.s32 as I2FP",
      "accumulators that start at the bits of 1.5 * 2^23"},
     {no, yes, yes, yes, yes, yes}},
}};

constexpr Target makeTarget(unsigned column, std::string_view name, unsigned ptxVersion,
                            unsigned sharedKiB) {
  Target target{name, ptxVersion, sharedKiB, {}};
  for (unsigned i = 0; i != capabilityCount; ++i)
    target.support[i] = rows[i].support[column];
  return target;
}

constexpr std::array<Target, 6> targets = {
    makeTarget(0, "sm_80", 70, 163),   makeTarget(1, "sm_86", 71, 99),
    makeTarget(2, "sm_89", 81, 99),    makeTarget(3, "sm_90a", 84, 227),
    makeTarget(4, "sm_100a", 88, 227), makeTarget(5, "sm_120a", 88, 99)};

template <typename Predicate> std::string join(Predicate isListed) {
  std::string text;
  for (const Target &target : targets)
    if (isListed(target))
      text += (text.empty() ? "" : ", ") + std::string(target.name);
  return text;
}

} // namespace

const CapabilityInfo &kernels::describe(Capability capability) {
  return rows[unsigned(capability)].info;
}

Span<const Target> kernels::allTargets() { return targets; }

const Target *kernels::findTarget(std::string_view name) {
  const auto *found =
      std::find_if(targets.begin(), targets.end(), [&](const Target &t) { return t.name == name; });
  return found == targets.end() ? nullptr : found;
}

std::string kernels::listTargets() {
  return join([](const Target &) { return true; });
}

std::string kernels::listTargets(Capability capability) {
  return join([=](const Target &target) { return target.isNative(capability); });
}

FormatStatus kernels::need(Capability capability, const Target &target) {
  if (target.isNative(capability))
    return {};
  const CapabilityInfo &info = describe(capability);
  return FormatStatus::failure(
      "needs " + std::string(info.name) + " (" + std::string(info.instruction) + "), which " +
      std::string(target.name) + " does not have; it is there on " + listTargets(capability) +
      "; elsewhere: " + std::string(info.instead));
}

std::int64_t kernels::largestSharedBytes() {
  return std::max_element(
             targets.begin(), targets.end(),
             [](const Target &a, const Target &b) { return a.sharedKiB < b.sharedKiB; })
      ->sharedBytes();
}
