// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks that run together, one where the kernel has no clusters, and their barrier.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_CLUSTER_H
#define QLLM_LIB_EMULATOR_RUNTIME_CLUSTER_H

#include "Block.h"

namespace qllm::emu {

/// barrier.cluster: all threads that have not ended arrive, then wait.
struct ClusterBarrier {
  /// Lanes of a warp that have come to an aligned operation in a phase, and where.
  struct Lanes {
    uint64_t phase = 0;
    uint32_t lanes = 0, site = 0;
  };

  uint64_t phase = 0;
  unsigned arrived = 0; ///< threads that are alive
  /// What arrivals hand over, of this phase and of the last one; and the same for mbarriers, which
  /// relaxed arrivals hand over too where they are fenced.
  VectorClock arriving, completed, arrivingInits, completedInits;
  /// By warp of the cluster.
  std::vector<uint32_t> waiting;
  std::vector<Lanes> arrivals;
  /// Some may wait for a phase while others have yet to for the one before: of even and odd ones.
  std::array<std::vector<Lanes>, 2> waits;
};

class Cluster {
public:
  Cluster(const Program &program, const Launch &launch);
  /// What it has no memory for, or an empty text.
  std::string error() const;
  /// Runs the blocks of the cluster with this index; false when their threads could not all finish.
  bool run(uint64_t index);
  void collect(RunReport &report);

  uint64_t count() const { return shape.clusters(); }
  Block &block(unsigned rank) { return *blocks[rank]; }

private:
  friend Block;
  void arrive(Thread &thread, uint32_t site, uint32_t form);
  void wait(Thread &thread, uint32_t site, bool aligned);
  void complete();
  /// A thread that is still counted as alive ends.
  void leave(const Thread &thread);
  void align(Thread &thread, uint32_t site, ClusterBarrier::Lanes &others);
  void reportStuck();

  const Program &program;
  const Launch &launch;
  const ClusterShape shape;
  const unsigned warpsPerBlock;
  Memory memory;
  Turns turns;
  std::vector<FloatModel> models;
  std::vector<std::unique_ptr<Block>> blocks;
  ClusterBarrier barrier;
  uint64_t fruitlessTests = 0, fruitlessPolls = 0;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_CLUSTER_H
