// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled kernels and the runtime agree on.

#ifndef QLLM_EMULATOR_RUNTIME_ABI_H
#define QLLM_EMULATOR_RUNTIME_ABI_H

#include <cstdint>
#include <string_view>
#include <vector>

namespace qllm::emu {

class Block;

/// First argument of every kernel function. Compiled code reads special registers from it at fixed
/// offsets.
struct ThreadContext {
  uint32_t threadId[3], blockSize[3], blockId[3], gridSize[3];
  uint32_t lane, warp, warps, dynamicSharedBytes;
  /// The block's shared memory.
  uint8_t *shared;
  Block *block;
  /// The cluster in the grid of clusters, and the block in the cluster: also by one number each.
  uint32_t clusterId[3], clusterCount[3], blockInCluster[3], clusterSize[3];
  uint32_t rank, clusterBlocks;
};

/// Offset in ThreadContext of a special register (`tid.x`, `laneid`), or -1 when there is none of
/// that name.
int specialRegisterOffset(std::string_view name);

/// How compiled code says what an mbarrier arrival is besides an arrival, and what a cluster's
/// barrier is.
enum ArrivalForm : uint32_t {
  ArriveAndDrop = 1,   ///< one is expected less from now on
  ArriveInCluster = 2, ///< at an address of the cluster's shared memory
  ArriveRelaxed = 4,   ///< handing over nothing
  ArriveForCluster = 8 ///< handing over to other blocks too
};
enum ClusterArrivalForm : uint32_t { ClusterAligned = 1, ClusterRelaxed = 2 };
/// Of a copy that goes where its address says.
constexpr uint32_t kNoMulticast = ~0u;

/// A function that compiled code calls.
struct RuntimeSymbol {
  const char *name;
  void *address;
  /// Whether the context is its first argument.
  bool takesContext;
};
const std::vector<RuntimeSymbol> &runtimeSymbols();

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_ABI_H
