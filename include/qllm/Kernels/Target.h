// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What each GPU target can do: the table that kernels are chosen and checked by. Data only, so that
// a refusal can say what is missing, where it exists and what to use instead.

#ifndef QLLM_KERNELS_TARGET_H
#define QLLM_KERNELS_TARGET_H

#include "qllm/Format/FormatStatus.h"
#include "qllm/Format/Span.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace qllm::kernels {

/// An ability of a target that some kernels need.
enum class Capability : std::uint8_t {
  MmaInt8,
  MmaInt4,
  MmaHalf,
  MmaFloat8,
  MmaBlockScale,
  WarpgroupMma,
  TensorMemoryMma,
  LoadMatrix,
  StoreMatrix,
  AsyncCopy,
  TensorCopy,
  Cluster,
  RegisterRebalance,
  DependentLaunch,
  ConvertFloat8,
  ConvertFloat4,
  FastIntToFloat,
};
inline constexpr unsigned capabilityCount = unsigned(Capability::FastIntToFloat) + 1;

/// How far a target has a capability. Emulated ones assemble, but run as a routine of ordinary
/// instructions.
enum class Support : std::uint8_t { Absent, Emulated, Native };

/// What a capability is, in words.
struct CapabilityInfo {
  std::string_view name;        ///< for tables and messages
  std::string_view instruction; ///< the PTX it stands for
  std::string_view instead;     ///< what a kernel does without it
};

const CapabilityInfo &describe(Capability capability);

/// One GPU architecture that code is generated for.
struct Target {
  std::string_view name; ///< as ptxas and LLVM spell it: `sm_80`
  unsigned
      ptxVersion; ///< the least PTX version that has all the table gives to this target, times ten
  unsigned sharedKiB; ///< shared memory of one block at most
  std::array<Support, capabilityCount> support;

  Support has(Capability capability) const { return support[unsigned(capability)]; }
  bool isNative(Capability capability) const { return has(capability) == Support::Native; }
  std::int64_t sharedBytes() const { return std::int64_t{sharedKiB} * 1024; }
};

/// Shared memory of one block that may be declared with a fixed size, on every target. More must be
/// external.
inline constexpr std::int64_t staticSharedBytes = 48 * 1024;
/// Threads of one block at most, on every target.
inline constexpr std::int64_t maxThreads = 1024;

/// All targets, oldest first.
Span<const Target> allTargets();
/// The target called `name`, or null.
const Target *findTarget(std::string_view name);
/// `sm_80, sm_86, ..`: the targets that have the capability natively, or all of them.
std::string listTargets();
std::string listTargets(Capability capability);
/// Whether the target has the capability natively; else what is missing, where it is there and what
/// is done without.
FormatStatus need(Capability capability, const Target &target);
/// The largest shared memory that any target has.
std::int64_t largestSharedBytes();

} // namespace qllm::kernels

#endif // QLLM_KERNELS_TARGET_H
