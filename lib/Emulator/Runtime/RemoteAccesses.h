// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether a block is there when another of its cluster reaches into its shared memory: from the
// time when all have begun, which a barrier tells, until the block ends, which it may only do when
// it knows of all such accesses.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_REMOTEACCESSES_H
#define QLLM_LIB_EMULATOR_RUNTIME_REMOTEACCESSES_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include <vector>

namespace qllm::emu {

class RemoteAccesses {
public:
  enum class Presence { There, NotBegun, Ended };
  /// The last access of a warp to the memory of a block, at no time for none.
  struct Entry {
    unsigned warp = 0, thread = 0; ///< as clocks number warps; in the warp's block
    uint32_t time = 0, site = 0;
  };

  void reset(unsigned blocks, unsigned warpsPerBlock);
  /// What a warp of another block can rely on.
  Presence presence(const WarpClock &clock, unsigned block) const;
  /// A thread of another block has accessed the memory of this one.
  void note(const WarpClock &clock, unsigned block, uint32_t site, unsigned thread) {
    blocks[block].last[clock.warp] = {clock.warp, thread, clock.now(), site};
  }
  /// The block has ended: the accesses that it does not know of.
  std::vector<Entry> end(unsigned block, const VectorClock &knows);

private:
  struct Visits {
    bool ended = false;
    std::vector<Entry> last; ///< by warp of the cluster
  };
  unsigned warpsPerBlock = 0;
  std::vector<Visits> blocks;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_REMOTEACCESSES_H
