// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/ThreadPool.h"
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

using namespace qllm;

namespace {

/// Set in a thread while it runs a task, so that nested loops do not wait for themselves.
thread_local bool insideTask = false;

/// How often an idle thread polls before it sleeps, about 50 microseconds: most operators of a
/// model follow each other within this time, and waking a sleeping thread costs more than a small
/// operator. Longer polling costs processor time that others, or a report of it, miss.
constexpr int spinLimit = 100;

} // namespace

struct ThreadPool::State {
  std::mutex callers; // one loop at a time
  std::mutex mutex;
  std::condition_variable wake;
  std::vector<std::thread> workers;
  std::atomic<uint64_t> generation{0};
  std::atomic<bool> stop{false};

  // The loop in progress.
  llvm::function_ref<void(int64_t)> task;
  int64_t tasks = 0;
  std::atomic<int64_t> next{0};
  std::atomic<unsigned> pending{0};

  void drain() {
    insideTask = true;
    for (int64_t i = next.fetch_add(1); i < tasks; i = next.fetch_add(1))
      task(i);
    insideTask = false;
  }

  void awaitGeneration(uint64_t seen) {
    for (int spin = 0; spin < spinLimit; ++spin) {
      if (generation.load(std::memory_order_acquire) != seen || stop)
        return;
      std::this_thread::yield();
    }
    std::unique_lock<std::mutex> lock(mutex);
    wake.wait(lock, [&] { return generation.load() != seen || stop; });
  }

  void work() {
    uint64_t seen = 0;
    while (true) {
      awaitGeneration(seen);
      if (stop)
        return;
      seen = generation.load(std::memory_order_acquire);
      drain();
      pending.fetch_sub(1, std::memory_order_release);
    }
  }
};

ThreadPool::ThreadPool(unsigned requested)
    : threads(requested ? requested : std::max(1u, std::thread::hardware_concurrency())),
      state(std::make_unique<State>()) {
  for (unsigned i = 1; i < threads; ++i)
    state->workers.emplace_back([this] { state->work(); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    state->stop = true;
  }
  state->wake.notify_all();
  for (std::thread &worker : state->workers)
    worker.join();
}

void ThreadPool::run(int64_t tasks, llvm::function_ref<void(int64_t)> task) {
  if (tasks <= 0)
    return;
  if (tasks == 1 || threads == 1 || insideTask) {
    for (int64_t i = 0; i < tasks; ++i)
      task(i);
    return;
  }
  std::lock_guard<std::mutex> caller(state->callers);
  {
    std::lock_guard<std::mutex> lock(state->mutex);
    state->task = task;
    state->tasks = tasks;
    state->next = 0;
    state->pending = threads - 1;
    state->generation.fetch_add(1, std::memory_order_release);
  }
  state->wake.notify_all();
  state->drain();
  // Every worker takes part in every loop, if only to see that nothing is left, so the task
  // outlives its last use.
  while (state->pending.load(std::memory_order_acquire) != 0)
    std::this_thread::yield();
}

void ThreadPool::forRange(int64_t size, int64_t grain,
                          llvm::function_ref<void(int64_t, int64_t)> body) {
  grain = std::max<int64_t>(grain, 1);
  int64_t pieces = (size + grain - 1) / grain;
  run(pieces, [&](int64_t piece) { body(piece * grain, std::min(size, (piece + 1) * grain)); });
}
