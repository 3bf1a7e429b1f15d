// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// barrier.cluster.arrive and .wait. No phase ends before all have waited for the one before.

#include "Cluster.h"

using namespace qllm::emu;

/// An aligned operation is one of the whole warp.
void Cluster::align(Thread &thread, uint32_t site, ClusterBarrier::Lanes &others) {
  if (others.phase != thread.clusterPhase)
    others = {thread.clusterPhase};
  if (others.lanes && others.site != site)
    memory.findings.add(FindingKind::DivergentCollective, site, [&] {
      return describeThread(thread) + " is here, and others of its warp at " +
             program.sites[others.site].operation + " at " + program.sites[others.site].location;
    });
  others.site = site;
  others.lanes |= 1u << thread.lane;
}

void Cluster::arrive(Thread &thread, uint32_t site, uint32_t form) {
  if (thread.atClusterBarrier) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) +
             " arrives at the cluster's barrier again, without a wait between";
    });
    return;
  }
  Warp &warp = Block::warpOf(thread);
  thread.atClusterBarrier = true;
  thread.clusterPhase = barrier.phase;
  if (form & ClusterAligned)
    align(thread, site, barrier.arrivals[warp.clock.warp]);
  if (form & ClusterRelaxed) {
    uint32_t &inits = barrier.arrivingInits[warp.clock.warp];
    inits = std::max(inits, warp.initsFenced);
  } else {
    barrier.arriving.join(warp.clock.seen);
    barrier.arrivingInits.join(warp.clock.seen);
  }
  // What this thread does from here on, nobody who waits has been told.
  warp.clock.tick();
  if (++barrier.arrived == turns.aliveCount())
    complete();
}

void Cluster::complete() {
  ++barrier.phase;
  barrier.arrived = 0;
  barrier.completed = barrier.arriving;
  barrier.completedInits = barrier.arrivingInits;
  barrier.arriving = barrier.arrivingInits = VectorClock();
  fruitlessTests = 0;
  for (unsigned index = 0; index < barrier.waiting.size(); ++index) {
    blocks[index / warpsPerBlock]->scheduler.wake(index % warpsPerBlock, barrier.waiting[index]);
    barrier.waiting[index] = 0;
  }
  for (unsigned rank = 0; rank < blocks.size(); ++rank)
    memory.flushTraffic(rank);
}

void Cluster::wait(Thread &thread, uint32_t site, bool aligned) {
  if (!thread.atClusterBarrier) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " waits at the cluster's barrier without having arrived";
    });
    return;
  }
  Warp &warp = Block::warpOf(thread);
  if (aligned)
    align(thread, site, barrier.waits[thread.clusterPhase % 2][warp.clock.warp]);
  while (barrier.phase == thread.clusterPhase) {
    barrier.waiting[warp.clock.warp] |= 1u << thread.lane;
    thread.block->scheduler.suspend(thread, site);
  }
  thread.atClusterBarrier = false;
  warp.clock.acquire(barrier.completed);
  warp.clock.metCluster = true;
  warp.initsKnown.join(barrier.completedInits);
}

void Cluster::leave(const Thread &thread) {
  if (thread.atClusterBarrier && thread.clusterPhase == barrier.phase)
    --barrier.arrived;
  if (barrier.arrived && barrier.arrived == turns.aliveCount() - 1)
    complete();
}
