// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choosing the next thread: the warp's other lanes first, because they are about to do the same,
// then the other warps; or, with a seed, any.

#include "Scheduler.h"
#include "qllm/Emulator/Runtime/Faults.h"
#include <algorithm>

using namespace qllm::emu;

namespace {
/// Ample for a kernel that does not spill on a GPU, and for the runtime below it.
constexpr size_t kStackBytes = 64 << 10;

/// A set bit of `bits`, not zero, each as likely.
unsigned anyBit(uint32_t bits, Random &random) {
  for (unsigned skip = random.below(unsigned(__builtin_popcount(bits))); skip; --skip)
    bits &= bits - 1;
  return unsigned(__builtin_ctz(bits));
}

/// The first set bit of `bits`, not zero, after `last` in a circle.
unsigned nextBit(uint32_t bits, unsigned last) {
  uint32_t above = last < 31 ? bits >> (last + 1) << (last + 1) : 0;
  return unsigned(__builtin_ctz(above ? above : bits));
}
} // namespace

Scheduler::Scheduler(unsigned count, uint64_t seed)
    : stacks(count, kStackBytes), threads(count), ready((count + 31) / 32), started(ready.size()),
      alive(ready.size()), shuffled(seed != 0), generator(seed) {}

void Scheduler::run(Fiber::Body body) {
  for (unsigned i = 0; i < threads.size(); ++i) {
    Thread &thread = threads[i];
    thread.fiber.start(stacks[i], body, &thread);
    thread.waitSite = kNotWaiting;
    thread.polled = nullptr;
    thread.locals.clear();
    thread.copies.clear();
    thread.stores.clear();
  }
  for (unsigned warp = 0; warp < ready.size(); ++warp) {
    unsigned lanes = std::min<unsigned>(32, unsigned(threads.size()) - warp * 32);
    started[warp] = alive[warp] = ready[warp] = lanes == 32 ? ~0u : (1u << lanes) - 1;
  }
  readyWarps = ready.size() == 32 ? ~0u : (1u << ready.size()) - 1;
  aliveThreads = unsigned(threads.size());
  caller.switchTo(pick(0, 31)->fiber);
  runningThread.store(nullptr, std::memory_order_relaxed);
}

Thread *Scheduler::pick(unsigned warp, unsigned lane) {
  if (!readyWarps)
    return nullptr;
  if (shuffled) {
    warp = anyBit(readyWarps, generator);
    lane = anyBit(ready[warp], generator);
  } else if (ready[warp]) {
    lane = nextBit(ready[warp], lane);
  } else {
    warp = nextBit(readyWarps, warp);
    lane = nextBit(ready[warp], 31);
  }
  return take(warp, lane);
}

Thread *Scheduler::take(unsigned warp, unsigned lane) {
  ready[warp] &= ~(1u << lane);
  if (!ready[warp])
    readyWarps &= ~(1u << warp);
  Thread *next = &thread(warp, lane);
  runningThread.store(next, std::memory_order_relaxed);
  return next;
}

void Scheduler::switchAway(Thread &self) {
  ++switches;
  Thread *next = pick(self.warp, self.lane);
  if (next != &self)
    self.fiber.switchTo(next ? next->fiber : caller);
}

void Scheduler::suspend(Thread &self, uint32_t site) {
  self.waitSite = site;
  switchAway(self);
  self.waitSite = kNotWaiting;
}

void Scheduler::yield(Thread &self) {
  if (!readyWarps)
    return;
  // Any thread: lanes that ask in a loop would otherwise take turns and keep the others out.
  unsigned warp = anyBit(readyWarps, generator);
  Thread *next = take(warp, anyBit(ready[warp], generator));
  wake(self.warp, 1u << self.lane);
  ++switches;
  self.fiber.switchTo(next->fiber);
}

void Scheduler::finish(Thread &self) {
  alive[self.warp] &= ~(1u << self.lane);
  --aliveThreads;
  switchAway(self);
  __builtin_unreachable(); // nobody wakes a thread that is not alive
}

void Scheduler::wake(unsigned warp, uint32_t lanes) {
  if (!lanes)
    return;
  ready[warp] |= lanes;
  readyWarps |= 1u << warp;
}
