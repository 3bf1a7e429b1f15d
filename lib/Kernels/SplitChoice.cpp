// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Costs of splits. A block takes rounds, in which each of its warps has a chunk of tokens.

#include "qllm/Kernels/SplitChoice.h"

#include "Machine.h"

#include <algorithm>
#include <tuple>

using namespace qllm;
using namespace qllm::kernels;

namespace {

/// Cycles from the end of one kernel of a stream to the first loads of the next.
constexpr double launchCycles = 2000;
/// Issue slots of a warp for a chunk beside its products: what unpacks codes of an element of the
/// head, and what a softmax takes.
constexpr double slotsOfElement = 2, slotsOfSoftmax = 250;

/// Blocks that fit a multiprocessor together, by the registers that a thread has of 65536: sums and
/// codes of a head's elements, and what does not depend on these.
std::int64_t residentBlocks(const AttentionKernel &kernel) {
  std::int64_t registers = kernel.cache.headSize + 80;
  return std::max<std::int64_t>(1, 65536 / (registers * kernel.warps * 32));
}

/// Cycles of all blocks of the attention itself.
double cyclesOfAttention(const AttentionKernel &kernel, std::int64_t tiles, std::int64_t blocks,
                         std::int64_t chunks, const Machine &machine) {
  std::int64_t ofMultiprocessor = divideUp(blocks, machine.multiprocessors);
  std::int64_t resident = std::min(ofMultiprocessor, residentBlocks(kernel));
  double atOnce = double(resident), waves = double(divideUp(ofMultiprocessor, resident));
  double rounds = double(divideUp(chunks, kernel.warps * kernel.splits));
  // Keys by 16 elements and values by 16 tokens, for eight tokens or elements each, on two bf16.
  double products = double(KVCache::chunkTokens) / 16 * double(kernel.cache.headSize) / 2;
  double slots = products + slotsOfElement * double(kernel.cache.headSize) + slotsOfSoftmax;
  double warpsPerScheduler = std::max(1.0, atOnce * double(kernel.warps) / 4);
  double busy = std::max(slots, products * machine.tensorCycles) * warpsPerScheduler;
  // A chunk comes from memory for one tile of queries, and from the cache for the others.
  double first = 1 / double(tiles);
  double loads = atOnce * double(std::min(kernel.warps, chunks) * kernel.cache.chunkBytes()) *
                 (first / machine.bytesPerCycle + (1 - first) / machine.cacheBytesPerCycle);
  // Nothing is loaded ahead of a round.
  return waves * (latency + rounds * std::max({busy, loads, latency}));
}

/// Cycles of what puts splits together: sums are written and read once.
double cyclesOfCombination(const AttentionKernel &kernel, std::int64_t rows,
                           const Machine &machine) {
  if (kernel.splits == 1)
    return 0;
  double bytes = 4 * double(kernel.splits * rows * kernel.heads * kernel.cache.headSize);
  return launchCycles + latency +
         2 * bytes / double(machine.multiprocessors) / machine.cacheBytesPerCycle;
}

} // namespace

std::string SplitCost::str() const {
  return std::to_string(splits) + (splits == 1 ? " split: " : " splits: ") +
         std::to_string(blocks) + (blocks == 1 ? " block, " : " blocks, ") +
         std::to_string(std::int64_t(cycles)) + " cycles";
}

std::vector<SplitCost> kernels::chooseSplits(const AttentionKernel &given, const Target &target,
                                             std::int64_t rows, std::int64_t length) {
  const Machine &machine = machineOf(target);
  std::vector<SplitCost> costs;
  AttentionKernel kernel = given;
  std::int64_t tiles = divideUp(rows, kernel.queriesOfTile());
  std::int64_t chunks = divideUp(length, KVCache::chunkTokens);
  for (kernel.splits = 1; kernel.verify(); ++kernel.splits) {
    std::int64_t whole = tiles * kernel.cache.heads, blocks = whole * kernel.splits;
    // Where each multiprocessor has a tile there is nothing to share.
    if (kernel.splits != 1 && whole >= machine.multiprocessors)
      break;
    costs.push_back({kernel.splits, blocks,
                     cyclesOfAttention(kernel, tiles, blocks, chunks, machine) +
                         cyclesOfCombination(kernel, rows, machine),
                     machine.multiprocessors});
  }
  std::sort(costs.begin(), costs.end(), [](const SplitCost &a, const SplitCost &b) {
    return std::tie(a.cycles, a.splits) < std::tie(b.cycles, b.splits);
  });
  return costs;
}
