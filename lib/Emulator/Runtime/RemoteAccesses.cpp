// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp that knows anything of a block knows that it has begun.

#include "RemoteAccesses.h"

using namespace qllm::emu;

void RemoteAccesses::reset(unsigned count, unsigned warps) {
  warpsPerBlock = warps;
  blocks.assign(count, Visits());
  if (count > 1)
    for (Visits &visits : blocks)
      visits.last.resize(size_t(count) * warps);
}

RemoteAccesses::Presence RemoteAccesses::presence(const WarpClock &clock, unsigned block) const {
  if (blocks[block].ended)
    return Presence::Ended;
  bool knows = clock.metCluster;
  for (unsigned i = 0; i < warpsPerBlock && !knows; ++i)
    knows = clock.seen.at(block * warpsPerBlock + i) != 0;
  return knows ? Presence::There : Presence::NotBegun;
}

std::vector<RemoteAccesses::Entry> RemoteAccesses::end(unsigned block, const VectorClock &knows) {
  Visits &visits = blocks[block];
  visits.ended = true;
  std::vector<Entry> unknown;
  for (const Entry &entry : visits.last)
    if (entry.time > knows[entry.warp])
      unknown.push_back(entry);
  return unknown;
}
