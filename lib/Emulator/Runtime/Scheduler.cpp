// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Choosing the next thread: the warp's other lanes first, because they are about to do the same,
// then the other warps, then the other blocks of the cluster; or, with a seed, any.

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

Scheduler::Scheduler(Turns &turns, unsigned count)
    : turns(turns), stacks(count, kStackBytes), threads(count), ready((count + 31) / 32),
      started(ready.size()), alive(ready.size()) {
  turns.blocks.push_back(this);
}

void Scheduler::start(Fiber::Body body) {
  for (unsigned i = 0; i < threads.size(); ++i) {
    Thread &thread = threads[i];
    thread.fiber.start(stacks[i], body, &thread);
    thread.waitSite = kNotWaiting;
    thread.polled = nullptr;
    thread.atClusterBarrier = false;
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
}

void Turns::run(Fiber::Body body) {
  for (Scheduler *block : blocks)
    block->start(body);
  caller.switchTo(blocks.front()->pick(0, 31)->fiber);
  runningThread.store(nullptr, std::memory_order_relaxed);
}

unsigned Turns::aliveCount() const {
  unsigned sum = 0;
  for (const Scheduler *block : blocks)
    sum += block->aliveCount();
  return sum;
}

Scheduler *Turns::next(const Scheduler &last) {
  size_t begin = size_t(std::find(blocks.begin(), blocks.end(), &last) - blocks.begin());
  for (size_t i = 0; i < blocks.size(); ++i)
    if (Scheduler *block = blocks[(begin + i) % blocks.size()]; block->readyWarps)
      return block;
  return nullptr;
}

Scheduler *Turns::any() {
  uint32_t canRun = 0;
  for (size_t i = 0; i < blocks.size(); ++i)
    canRun |= uint32_t(blocks[i]->readyWarps != 0) << i;
  if (!canRun)
    return nullptr;
  return blocks[canRun & (canRun - 1) ? anyBit(canRun, generator)
                                      : unsigned(__builtin_ctz(canRun))];
}

Thread *Scheduler::pick(unsigned warp, unsigned lane) {
  if (turns.shuffled) {
    Scheduler *block = turns.any();
    return block ? block->pickAny() : nullptr;
  }
  if (!readyWarps) {
    Scheduler *block = turns.next(*this);
    return block ? block->pick(0, 31) : nullptr;
  }
  if (!ready[warp]) {
    warp = nextBit(readyWarps, warp);
    lane = 31;
  }
  return take(warp, nextBit(ready[warp], lane));
}

Thread *Scheduler::pickAny() {
  unsigned warp = anyBit(readyWarps, turns.generator);
  return take(warp, anyBit(ready[warp], turns.generator));
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
    self.fiber.switchTo(next ? next->fiber : turns.caller);
}

void Scheduler::suspend(Thread &self, uint32_t site) {
  self.waitSite = site;
  switchAway(self);
  self.waitSite = kNotWaiting;
}

void Scheduler::yield(Thread &self) {
  Scheduler *block = turns.any();
  if (!block)
    return;
  // Any thread: lanes that ask in a loop would otherwise take turns and keep the others out.
  Thread *next = block->pickAny();
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
