// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Atomics, fences and cp.async.

#include "Cluster.h"

using namespace qllm::emu;

namespace {
/// Atomics per thread that change and find nothing new, with nothing else in between, that count as
/// a deadlock.
constexpr uint64_t kMostFruitlessPolls = 20000;
} // namespace

void *Block::atomic(Thread &thread, uint32_t site, void *address, uint32_t size, uint32_t alignment,
                    uint32_t order) {
  Access access = accessOf(thread, site);
  if (!(order & OnlyWrites) && memory.contains(access, address, size))
    poll(thread, site, address, size);
  WarpClock &clock = warpOf(thread).clock;
  memory.synchronize(clock, thread.lane, address, order);
  AccessKind kind = order & OnlyReads    ? AccessKind::AtomicRead
                    : order & OnlyWrites ? AccessKind::AtomicWrite
                                         : AccessKind::Atomic;
  void *place = memory.access(access, address, size, kind, alignment);
  clock.tick();
  return place;
}

/// A thread that finds what it found there before may be waiting for it to change: others run
/// first, and when that is all that happens, it may as well stop.
void Block::poll(Thread &thread, uint32_t site, const void *address, uint32_t size) {
  uint64_t value = 0;
  std::memcpy(&value, address, std::min<size_t>(size, sizeof value));
  bool again = thread.polled == address && thread.polledValue == value;
  thread.polled = address;
  thread.polledValue = value;
  if (!again) {
    fruitlessPolls = 0;
    return;
  }
  if (++fruitlessPolls > kMostFruitlessPolls * cluster.turns.aliveCount())
    scheduler.suspend(thread, site);
  scheduler.yield(thread);
}

void Block::fence(Thread &thread) {
  WarpClock &clock = warpOf(thread).clock;
  memory.fence(clock, thread.lane);
  clock.tick();
}

void Block::fenceProxy(Thread &thread) {
  Warp &warp = warpOf(thread);
  warp.fenced[thread.lane] = warp.clock.now();
  warp.clock.tick();
}

bool Block::landsEarly() {
  return launch.arrival == Arrival::Eager ||
         (launch.arrival == Arrival::Random && scheduler.random().coin());
}

void Block::copy(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                 uint32_t size, uint32_t bytes) {
  bytes = std::min(bytes, size);
  if (launch.checks) {
    // The sites of the two ends follow each other.
    if (bytes)
      source = static_cast<const uint8_t *>(memory.access(
          accessOf(thread, site), const_cast<uint8_t *>(source), bytes, AccessKind::Read));
    if (!memory.startCopy(accessOf(thread, site + 1), destination, size))
      return;
    memory.count(accessOf(thread, site + 1), destination, size);
  }
  AsyncCopy copy{destination, source, size, bytes, site + 1, false};
  if (landsEarly())
    copy.land();
  thread.copies.issue(copy);
}

void Block::settle(Thread &thread, AsyncCopy &copy) {
  copy.land();
  memory.landCopy(accessOf(thread, copy.site), copy.destination, copy.size);
}

void Block::waitCopies(Thread &thread, uint32_t pending) {
  thread.copies.wait(pending, [&](AsyncCopy &copy) { settle(thread, copy); });
}
