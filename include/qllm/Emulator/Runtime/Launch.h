// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A compiled kernel and what it is to be run on.

#ifndef QLLM_EMULATOR_RUNTIME_LAUNCH_H
#define QLLM_EMULATOR_RUNTIME_LAUNCH_H

#include "qllm/Emulator/Runtime/Abi.h"
#include "qllm/Emulator/Runtime/Ops/Collective.h"
#include <array>
#include <string>

namespace qllm::emu {

/// An operation of the kernel that the runtime takes part in.
struct Site {
  /// As in PTX or LLVM: `mma.sync...`, `ldmatrix...`, `load`, `cp.async`.
  std::string operation;
  /// `kernel.mlir:12:5`
  std::string location;
  /// Set for operations of a whole warp or warpgroup.
  std::optional<Collective> collective;
  unsigned wordsIn = 0;
};

/// Memory outside of blocks. `data` should be aligned to 256 bytes as device allocations are.
struct Buffer {
  std::string name;
  uint8_t *data;
  size_t size;
  bool writable;
};

struct Program {
  std::vector<Site> sites;
  size_t staticSharedBytes = 0;
  /// The only block that the kernel may have (`.reqntid`), and the most threads of one
  /// (`.maxntid`); zeros if any will do.
  std::array<uint32_t, 3> requiredBlock{};
  uint64_t mostThreads = 0;
  /// The only cluster that it may have (`.reqnctapercluster`), and the most blocks of one
  /// (`.maxclusterrank`); zeros if any will do.
  std::array<uint32_t, 3> requiredCluster{};
  uint32_t mostClusterBlocks = 0;
  /// Constants of the module.
  std::vector<Buffer> constants;
  /// Runs one thread; `arguments[i]` points at the i-th argument of the kernel.
  void (*entry)(ThreadContext *context, const void *const *arguments) = nullptr;
};

/// Groups of checks. That every collective is reached by all its lanes and that nobody waits
/// forever is always checked.
enum Check : uint32_t {
  /// Accesses out of bounds, misaligned, or writing what is read only.
  CheckBounds = 1,
  /// Races inside and between blocks, copies not waited for, shared memory read before it was
  /// written, missing proxy fences.
  CheckRaces = 2,
  /// Counts bank conflicts and sectors.
  CheckTraffic = 4,
};

/// When data of asynchronous operations arrives: at once, as late as the kernel's waits allow, or
/// at either by the seed.
enum class Arrival { Eager, Lazy, Random };

struct Launch {
  std::array<uint32_t, 3> grid{1, 1, 1}, block{1, 1, 1};
  /// Blocks of a cluster; zeros for those that the kernel requires, or single ones.
  std::array<uint32_t, 3> cluster{};
  size_t dynamicSharedBytes = 0;
  const void *const *arguments = nullptr;
  std::vector<Buffer> buffers;
  /// Must be among those that the program was compiled with.
  uint32_t checks = 0;
  /// Other than 0, threads, warps and blocks run in an order of their own for each seed.
  uint64_t seed = 0;
  Arrival arrival = Arrival::Lazy;
  /// 80 for sm_80 and so on; decides how floating-point products are summed.
  unsigned architecture = 80;
  /// Shared memory that the architecture gives a block.
  size_t mostSharedBytes = 163 << 10;
  /// Whether it has clusters.
  bool hasClusters = false;
  /// Sums rounded once instead of as the architecture does.
  bool exactSums = false;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_LAUNCH_H
