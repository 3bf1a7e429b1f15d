// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shares of steps, rounded down.

#include "qllm/Kernels/StreamK.h"

#include <algorithm>
#include <numeric>
#include <string>

using namespace qllm;
using namespace qllm::kernels;

StreamK::Share StreamK::share() const {
  std::int64_t common = std::gcd(tiles * steps, blocks);
  return {tiles * steps / common, blocks / common};
}

std::int64_t StreamK::begin(std::int64_t block) const {
  return block * share().steps / share().blocks;
}

std::int64_t StreamK::blockOf(std::int64_t step) const {
  // The last block that begins at the step or before: b * steps < (step + 1) * blocks.
  return ((step + 1) * share().blocks - 1) / share().steps;
}

std::int64_t StreamK::slotOf(std::int64_t block, std::int64_t tile) const {
  return block * slotsOfBlock() + (crossesTiles() && begin(block) < tile * steps ? 1 : 0);
}

std::int64_t StreamK::mostBlocksOfTile() const {
  std::int64_t most = 1;
  for (std::int64_t tile = 0; tile != tiles; ++tile)
    most = std::max(most, blockOf((tile + 1) * steps - 1) - blockOf(tile * steps) + 1);
  return most;
}

std::int64_t StreamK::partsAtOnce(std::int64_t sums) const {
  constexpr std::int64_t words = 64;
  return std::max<std::int64_t>(1, std::min(mostBlocksOfTile(), words / sums));
}

FormatStatus StreamK::verify() const {
  if (blocks < 1 || blocks > tiles * steps)
    return FormatStatus::failure("expected 1 to " + std::to_string(tiles * steps) +
                                 " blocks, each with one of the steps of " + std::to_string(tiles) +
                                 " tiles of " + std::to_string(steps) + ", but got " +
                                 std::to_string(blocks));
  constexpr std::int64_t most = (std::int64_t{1} << 31) - 1;
  Share each = share();
  if (blocks > most / each.steps || each.blocks > most / (tiles * steps))
    return FormatStatus::failure("expected steps that 32 bits can share among blocks, but got " +
                                 std::to_string(tiles * steps) + " and " + std::to_string(blocks));
  return {};
}
