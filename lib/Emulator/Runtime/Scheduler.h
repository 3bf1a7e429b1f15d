// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The threads of one block and which of them runs. Of all blocks of a cluster one thread runs at a
// time, until it waits for others.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_SCHEDULER_H
#define QLLM_LIB_EMULATOR_RUNTIME_SCHEDULER_H

#include "AsyncCopies.h"
#include "Random.h"
#include "qllm/Emulator/Runtime/Abi.h"
#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Fiber.h"
#include <vector>

namespace qllm::emu {

constexpr uint32_t kNotWaiting = ~0u;

/// On the stack of a thread.
struct LocalArray {
  const uint8_t *data;
  uint32_t size;
};

/// A simulated thread. Compiled code knows its context only.
struct Thread : ThreadContext {
  Fiber fiber;
  /// cp.async into shared memory, and bulk copies out of it.
  AsyncCopies copies, stores;
  /// Site of the operation that it waits in.
  uint32_t waitSite = kNotWaiting;
  /// Its local arrays.
  std::vector<LocalArray> locals;
  /// Whether it has arrived at the cluster's barrier without a wait since, and in which phase.
  bool atClusterBarrier = false;
  uint64_t clusterPhase = 0;
  /// Where an atomic of this thread was last, and what it found.
  const void *polled = nullptr;
  uint64_t polledValue = 0;

  static Thread &of(ThreadContext *context) { return *static_cast<Thread *>(context); }
  unsigned index() const { return warp * 32 + lane; }
};

class Scheduler;

/// What blocks that run together share: whose turn it is.
class Turns {
public:
  explicit Turns(uint64_t seed) : shuffled(seed != 0), generator(seed) {}

  /// Starts all threads of all blocks at `body`, which must end in `finish`, and returns when all
  /// have finished or none can go on.
  void run(Fiber::Body body);
  /// Of all blocks.
  unsigned aliveCount() const;

private:
  friend Scheduler;
  /// A block with threads that can run: after `last` in a circle, or any one. Null if there is
  /// none.
  Scheduler *next(const Scheduler &last);
  Scheduler *any();

  bool shuffled;
  Random generator;
  Fiber caller;
  std::vector<Scheduler *> blocks;
};

class Scheduler {
public:
  Scheduler(Turns &turns, unsigned threads);
  Scheduler(const Scheduler &) = delete;
  Scheduler &operator=(const Scheduler &) = delete;
  /// False when there is no memory for the stacks.
  bool valid() const { return stacks.valid(); }

  Thread &thread(unsigned index) { return threads[index]; }
  Thread &thread(unsigned warp, unsigned lane) { return threads[warp * 32 + lane]; }
  unsigned threadCount() const { return unsigned(threads.size()); }
  unsigned warpCount() const { return unsigned(ready.size()); }

  /// Of a running thread: lets others run until `wake` names it.
  void suspend(Thread &self, uint32_t site);
  /// Of a running thread: lets others run first.
  void yield(Thread &self);
  /// Of a running thread: its end.
  [[noreturn]] void finish(Thread &self);
  void wake(unsigned warp, uint32_t lanes);

  /// Lanes that the warp started with, and those that have not finished.
  uint32_t lanes(unsigned warp) const { return started[warp]; }
  uint32_t aliveLanes(unsigned warp) const { return alive[warp]; }
  unsigned aliveCount() const { return aliveThreads; }
  uint64_t switchCount() const { return switches; }
  Random &random() { return turns.generator; }

private:
  friend Turns;
  void start(Fiber::Body body);
  void switchAway(Thread &self);
  Thread *pick(unsigned warp, unsigned lane);
  Thread *pickAny();
  Thread *take(unsigned warp, unsigned lane);

  Turns &turns;
  StackPool stacks;
  std::vector<Thread> threads;
  std::vector<uint32_t> ready, started, alive;
  uint32_t readyWarps = 0;
  unsigned aliveThreads = 0;
  uint64_t switches = 0;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_SCHEDULER_H
