// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mbarrier objects. A phase ends when all arrivals and all announced bytes are there. Data that is
// to arrive late is delivered when nothing else is missing, which is the last moment that a kernel
// cannot tell from a later one.

#include "Cluster.h"

#include <cstdlib>

using namespace qllm::emu;

namespace {

/// The state that an arrival returns: the phase, so that it is never 0 by accident.
uint64_t stateOf(uint64_t phase) { return phase + 1; }

bool completed(const MemoryBarrier &barrier, uint64_t wanted, bool parity) {
  return parity ? (barrier.phase & 1) != (wanted & 1) : barrier.phase >= wanted;
}

bool isReleaseForCluster(uint32_t form) {
  return (form & ArriveForCluster) && !(form & ArriveRelaxed);
}

/// Tests per thread with no progress in between that count as a deadlock.
constexpr uint64_t kMostFruitlessTests = 1000;

/// What the count of bytes of an mbarrier can hold.
constexpr int64_t kMostBytes = (1 << 20) - 1;

} // namespace

Block *Block::barrierOwner(Thread &thread, uint32_t site, void *address, uint32_t form) {
  std::optional<unsigned> owner = memory.ownerOf(address);
  if (!owner || *owner == rank)
    return this; // what lies nowhere was never initialized
  if (form & ArriveInCluster) {
    // What hands over nothing cannot tell the block when it may end.
    memory.reach(accessOf(thread, site), *owner, isReleaseForCluster(form));
    return &cluster.block(*owner);
  }
  memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
    return describeThread(thread) + " uses the mbarrier at " +
           memory.describeShared(thread, *owner, memory.sharedOffset(address)) +
           ", where only its own can be";
  });
  return nullptr;
}

MemoryBarrier *Block::findBarrier(Thread &thread, uint32_t site, uint32_t offset) {
  auto found = memoryBarriers.find(offset);
  if (found == memoryBarriers.end()) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " uses an mbarrier at " +
             memory.describeShared(thread, rank, offset) + " that was not initialized";
    });
    return nullptr;
  }
  MemoryBarrier &barrier = found->second;
  const Warp &warp = warpOf(thread);
  bool isKnown = thread.block == this || warp.clock.knows(barrier.initWarp, barrier.initTime) ||
                 barrier.initTime <= warp.initsKnown[barrier.initWarp];
  if (!isKnown && memory.checks(CheckRaces))
    memory.findings.add(FindingKind::Race, site, [&] {
      return describeThread(thread) + " uses the mbarrier at " +
             memory.describeShared(thread, rank, offset) +
             ", whose initialization it does not know of: by a barrier of the cluster, and "
             "fence.mbarrier_init where that is relaxed";
    });
  return &barrier;
}

MemoryBarrier *Block::barrierAt(Thread &thread, uint32_t site, void *address) {
  return barrierOwner(thread, site, address, 0)
             ? findBarrier(thread, site, memory.sharedOffset(address))
             : nullptr;
}

void Block::barrierInit(Thread &thread, uint32_t site, void *address, uint32_t count) {
  if (!barrierOwner(thread, site, address, 0) ||
      memory.access(accessOf(thread, site), address, 8, AccessKind::Write) != address)
    return;
  const WarpClock &clock = warpOf(thread).clock;
  MemoryBarrier fresh;
  fresh.expected = fresh.pending = count;
  fresh.initWarp = clock.warp;
  fresh.initTime = clock.now();
  memoryBarriers[memory.sharedOffset(address)] = fresh;
}

void Block::fenceInits(Thread &thread) {
  Warp &warp = warpOf(thread);
  warp.initsFenced = warp.clock.now();
  warp.clock.tick();
}

void Block::barrierInvalidate(Thread &thread, uint32_t site, void *address) {
  if (barrierAt(thread, site, address))
    memoryBarriers.erase(memory.sharedOffset(address));
}

/// Arrivals that wait for tensor memory are made one by one: each may end a phase.
void Block::advance(MemoryBarrier &barrier) {
  std::vector<TensorCommit> commits = std::move(barrier.commits);
  barrier.commits.clear();
  for (const TensorCommit &commit : commits) {
    arrive(barrier, commit);
    completePhase(barrier);
  }
  completePhase(barrier);
}

/// Delivers what is late when only that is missing, and ends the phase when nothing is.
void Block::completePhase(MemoryBarrier &barrier) {
  if (barrier.pending)
    return;
  std::vector<Transfer> late = std::move(barrier.late);
  barrier.late.clear();
  for (const Transfer &transfer : late)
    deliver(transfer, barrier);
  if (barrier.bytes)
    return;
  ++barrier.phase;
  barrier.pending = barrier.expected;
  barrier.completed.join(barrier.arriving);
  barrier.arriving = VectorClock();
  for (unsigned warp = 0; warp < warps.size(); ++warp) {
    scheduler.wake(warp, barrier.waiting[warp]);
    barrier.waiting[warp] = 0;
  }
}

void Block::deliver(const Transfer &transfer, MemoryBarrier &barrier) {
  for (const TransferPiece &piece : transfer.pieces) {
    if (!transfer.landed)
      piece.land();
    // Whoever waits for the barrier may touch the data from now on, others not yet.
    memory.finishCopy(piece.destination, piece.size);
    if (transfer.counted)
      barrier.bytes -= piece.size;
  }
  uint32_t &known = barrier.arriving[transfer.warp];
  known = std::max(known, transfer.time);
}

uint64_t Block::memoryBarrierArrive(Thread &thread, uint32_t site, void *address, uint32_t count,
                                    uint32_t bytes, uint32_t form) {
  Block *owner = barrierOwner(thread, site, address, form);
  if (!owner)
    return 0;
  MemoryBarrier *barrier = owner->findBarrier(thread, site, memory.sharedOffset(address));
  return barrier ? owner->arrive(thread, site, *barrier, count, bytes, form) : 0;
}

/// At an mbarrier of this block, by a thread of any.
uint64_t Block::arrive(Thread &thread, uint32_t site, MemoryBarrier &barrier, uint32_t count,
                       uint32_t bytes, uint32_t form) {
  fruitlessTests = 0;
  uint64_t state = stateOf(barrier.phase);
  expectBytes(thread, site, barrier, bytes);
  if (count > barrier.pending) {
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " makes " + std::to_string(count) +
             " arrivals at an mbarrier that expects " + std::to_string(barrier.pending) + " more";
    });
    return state;
  }
  WarpClock &clock = warpOf(thread).clock;
  if (thread.block == this ? !(form & ArriveRelaxed) : isReleaseForCluster(form))
    barrier.arriving.join(clock.seen);
  clock.tick();
  barrier.pending -= count;
  if (form & ArriveAndDrop)
    barrier.expected -= count;
  advance(barrier);
  return state;
}

void Block::memoryBarrierBytes(Thread &thread, uint32_t site, void *address, int64_t bytes,
                               uint32_t form) {
  Block *owner = barrierOwner(thread, site, address, form);
  MemoryBarrier *barrier =
      owner ? owner->findBarrier(thread, site, memory.sharedOffset(address)) : nullptr;
  if (!barrier)
    return;
  owner->expectBytes(thread, site, *barrier, bytes);
  owner->advance(*barrier);
}

void Block::expectBytes(Thread &thread, uint32_t site, MemoryBarrier &barrier, int64_t bytes) {
  barrier.bytes += bytes;
  if (std::abs(barrier.bytes) <= kMostBytes)
    return;
  memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
    return describeThread(thread) + " has an mbarrier count " + std::to_string(barrier.bytes) +
           " bytes, where " + std::to_string(kMostBytes) + " are the most";
  });
}

bool Block::memoryBarrierTest(Thread &thread, uint32_t site, void *address, uint64_t phase,
                              bool parity) {
  MemoryBarrier *barrier = barrierAt(thread, site, address);
  if (!barrier)
    return true;
  advance(*barrier);
  if (!completed(*barrier, phase, parity)) {
    // When all that happens is threads asking in vain, this one may as well stop.
    if (++fruitlessTests > kMostFruitlessTests * cluster.turns.aliveCount())
      scheduler.suspend(thread, site);
    scheduler.yield(thread);
    return false;
  }
  warpOf(thread).clock.acquire(barrier->completed);
  return true;
}

void Block::memoryBarrierWait(Thread &thread, uint32_t site, void *address, uint64_t phase,
                              bool parity) {
  MemoryBarrier *barrier = barrierAt(thread, site, address);
  if (!barrier)
    return;
  advance(*barrier);
  while (!completed(*barrier, phase, parity)) {
    barrier->waiting[thread.warp] |= 1u << thread.lane;
    scheduler.suspend(thread, site);
  }
  warpOf(thread).clock.acquire(barrier->completed);
}

void Block::copiesArrive(Thread &thread, uint32_t site, void *address, bool counted) {
  MemoryBarrier *barrier = barrierAt(thread, site, address);
  if (!barrier)
    return;
  const WarpClock &clock = warpOf(thread).clock;
  thread.copies.waitAll([&](AsyncCopy &copy) {
    barrier->late.push_back({{{copy.destination, copy.source, copy.size, 0, copy.bytes}},
                             clock.warp,
                             clock.now(),
                             false,
                             copy.landed});
  });
  // Without `noinc` the operation adds the arrival that it makes.
  if (!counted)
    ++barrier->pending;
  memoryBarrierArrive(thread, site, address, 1, 0, 0);
}
