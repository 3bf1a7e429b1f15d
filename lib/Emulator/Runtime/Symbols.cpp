// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What compiled kernels call and where they find special registers.

#include "Symbols.h"

#include <cstddef>

using namespace qllm::emu;

int qllm::emu::specialRegisterOffset(std::string_view name) {
  struct Register {
    std::string_view name;
    size_t offset;
  };
  static constexpr Register kTriples[] = {
      {"tid.", offsetof(ThreadContext, threadId)},
      {"ntid.", offsetof(ThreadContext, blockSize)},
      {"ctaid.", offsetof(ThreadContext, blockId)},
      {"nctaid.", offsetof(ThreadContext, gridSize)},
      {"clusterid.", offsetof(ThreadContext, clusterId)},
      {"nclusterid.", offsetof(ThreadContext, clusterCount)},
      {"cluster.ctaid.", offsetof(ThreadContext, blockInCluster)},
      {"cluster.nctaid.", offsetof(ThreadContext, clusterSize)}};
  static constexpr Register kSingles[] = {
      {"laneid", offsetof(ThreadContext, lane)},
      {"warpid", offsetof(ThreadContext, warp)},
      {"nwarpid", offsetof(ThreadContext, warps)},
      {"cluster.ctarank", offsetof(ThreadContext, rank)},
      {"cluster.nctarank", offsetof(ThreadContext, clusterBlocks)},
      {"dynamic.smem.size", offsetof(ThreadContext, dynamicSharedBytes)}};
  for (const Register &single : kSingles)
    if (single.name == name)
      return int(single.offset);
  for (const Register &triple : kTriples)
    if (name.size() == triple.name.size() + 1 && name.substr(0, triple.name.size()) == triple.name)
      if (size_t axis = size_t(name.back() - 'x'); axis < 3)
        return int(triple.offset + 4 * axis);
  return -1;
}

const std::vector<RuntimeSymbol> &qllm::emu::runtimeSymbols() {
  static const std::vector<RuntimeSymbol> symbols = [] {
    std::vector<RuntimeSymbol> all;
    addBlockSymbols(all);
    addMathSymbols(all);
    return all;
  }();
  return symbols;
}
