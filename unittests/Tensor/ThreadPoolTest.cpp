// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <atomic>
#include <vector>

using namespace qllm;

namespace {

TEST(ThreadPool, EveryTaskRunsOnce) {
  ThreadPool pool(4);
  for (int repeat = 0; repeat < 200; ++repeat) {
    std::vector<std::atomic<int>> counts(37);
    pool.run(37, [&](int64_t i) { ++counts[size_t(i)]; });
    for (auto &count : counts)
      ASSERT_EQ(count.load(), 1);
  }
}

TEST(ThreadPool, NestedLoopsRunInTheSameThread) {
  ThreadPool pool(3);
  std::atomic<int> total = 0;
  pool.run(5, [&](int64_t) { pool.run(7, [&](int64_t) { ++total; }); });
  EXPECT_EQ(total.load(), 35);
}

TEST(ThreadPool, RangesCoverTheWhole) {
  ThreadPool pool(2);
  std::vector<int> seen(103, 0);
  pool.forRange(103, 10, [&](int64_t begin, int64_t end) {
    EXPECT_LE(end - begin, 10);
    for (int64_t i = begin; i < end; ++i)
      ++seen[size_t(i)];
  });
  EXPECT_EQ(seen, std::vector<int>(103, 1));
}

} // namespace
