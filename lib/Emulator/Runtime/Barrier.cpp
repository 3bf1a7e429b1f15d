// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// bar.sync, bar.red and bar.arrive: sixteen barriers, each for all threads of the block or for a
// stated number.

#include "Block.h"

using namespace qllm::emu;

/// Counts the thread in; null when that is a mistake.
NamedBarrier *Block::arrive(Thread &thread, uint32_t site, uint32_t id, uint32_t threads) {
  if (id >= barriers.size()) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " uses barrier " + std::to_string(id) +
             ", but there are 0 to 15";
    });
    return nullptr;
  }
  NamedBarrier &barrier = barriers[id];
  if (barrier.arrived == 0) {
    barrier.clock = VectorClock();
    barrier.expected = threads;
    barrier.all = threads == 0;
    barrier.predicates = 0;
  } else if (auto count =
                 [&](uint32_t number) { return number ? number : scheduler.threadCount(); };
             count(barrier.expected) != count(threads)) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " expects " + std::to_string(count(threads)) +
             " threads at barrier " + std::to_string(id) + ", where others expect " +
             std::to_string(count(barrier.expected));
    });
  }
  if (threads % 32)
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " expects " + std::to_string(threads) +
             " threads at barrier " + std::to_string(id) + ", which is no multiple of 32";
    });
  uint32_t &lanes = barrier.lanes[thread.warp], &place = barrier.sites[thread.warp];
  if (lanes && place != site)
    memory.findings.add(FindingKind::DivergentCollective, site, [&] {
      return describeThread(thread) + " is here, and others of its warp at " +
             siteAt(place).operation + " at " + siteAt(place).location;
    });
  lanes |= 1u << thread.lane;
  place = site;
  ++barrier.arrived;
  barrier.clock.join(warpOf(thread).clock.seen);
  return &barrier;
}

bool Block::complete(const NamedBarrier &barrier) const {
  return barrier.arrived >= (barrier.all ? scheduler.aliveCount() : barrier.expected);
}

void Block::release(NamedBarrier &barrier) {
  if (barrier.all)
    memory.flushTraffic(rank);
  for (unsigned warp = 0; warp < warps.size(); ++warp) {
    if (uint32_t absent = scheduler.aliveLanes(warp) & ~barrier.lanes[warp];
        barrier.lanes[warp] && absent)
      memory.findings.add(FindingKind::DivergentCollective, barrier.sites[warp], [&] {
        unsigned first = unsigned(__builtin_ctz(absent));
        return describeThread(scheduler.thread(warp, first)) +
               " is not here, though others of its warp have met threads of other warps";
      });
    barrier.lanes[warp] = 0;
    if (!barrier.waiting[warp])
      continue;
    warps[warp].clock.acquire(barrier.clock);
    warps[warp].clock.synchronizeLanes();
    scheduler.wake(warp, barrier.waiting[warp]);
  }
  fruitlessTests = 0;
  barrier.lastCount = barrier.arrived;
  barrier.lastPredicates = barrier.predicates;
  barrier.arrived = 0;
  barrier.waiting.fill(0);
}

void Block::barrier(Thread &thread, uint32_t site, uint32_t id, uint32_t threads) {
  barrierReduce(thread, site, id, threads, 0, false);
}

uint32_t Block::barrierReduce(Thread &thread, uint32_t site, uint32_t id, uint32_t threads,
                              uint32_t kind, bool predicate) {
  NamedBarrier *barrier = arrive(thread, site, id, threads);
  if (!barrier)
    return 0;
  barrier->predicates += predicate;
  uint32_t self = 1u << thread.lane;
  barrier->waiting[thread.warp] |= self;
  if (complete(*barrier)) {
    barrier->waiting[thread.warp] &= ~self;
    bool others = barrier->waiting[thread.warp];
    release(*barrier);
    if (!others) { // `release` saw nobody of this warp
      warpOf(thread).clock.acquire(barrier->clock);
      warpOf(thread).clock.synchronizeLanes();
    }
  } else {
    scheduler.suspend(thread, site);
  }
  enum { PopulationCount, And, Or };
  uint32_t trues = barrier->lastPredicates;
  return kind == PopulationCount ? trues : kind == And ? trues == barrier->lastCount : trues != 0;
}

void Block::barrierArrive(Thread &thread, uint32_t site, uint32_t id, uint32_t threads) {
  NamedBarrier *barrier = arrive(thread, site, id, threads);
  if (!barrier)
    return;
  if (complete(*barrier))
    release(*barrier);
  // What this thread does from here on, nobody who waits has been told.
  if (thread.lane == unsigned(31 - __builtin_clz(scheduler.aliveLanes(thread.warp))))
    warpOf(thread).clock.tick();
}
