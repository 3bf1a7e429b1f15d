// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small pool of threads for data-parallel loops whose results never depend on the number of
// threads.

#ifndef QLLM_SUPPORT_THREADPOOL_H
#define QLLM_SUPPORT_THREADPOOL_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include <cstdint>
#include <memory>

namespace qllm {

/// Runs numbered tasks on a fixed set of threads. Which thread runs a task is not fixed, so a task
/// may write only what belongs to its own number; splitting work by a size that does not mention
/// the thread count keeps results bit-equal.
class ThreadPool {
public:
  /// A pool that uses `threads` threads in all, the caller included; 0 means one per core.
  explicit ThreadPool(unsigned threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  unsigned size() const { return threads; }

  /// Calls `task(i)` once for each i in [0, tasks) and returns when all are done. Called from
  /// within a task it runs in the calling thread.
  void run(int64_t tasks, llvm::function_ref<void(int64_t)> task);

  /// Calls `body(begin, end)` on pieces of [0, size) that are `grain` long, the last one perhaps
  /// shorter.
  void forRange(int64_t size, int64_t grain, llvm::function_ref<void(int64_t, int64_t)> body);

private:
  struct State;
  unsigned threads;
  std::unique_ptr<State> state;
};

} // namespace qllm

#endif // QLLM_SUPPORT_THREADPOOL_H
