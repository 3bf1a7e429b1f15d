// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Emulator/Runtime/Report.h"
#include "gtest/gtest.h"
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

using namespace qllm::emu;

namespace {

/// The runtime's function of that name, as compiled code calls it. Threads that never end do not
/// free what they own, so nothing is allocated here.
template <typename Function> Function *runtime(std::string_view name) {
  for (const RuntimeSymbol &symbol : runtimeSymbols())
    if (symbol.name == name)
      return reinterpret_cast<Function *>(symbol.address);
  return nullptr;
}
/// Of this process.
uint64_t addressBytes() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

using Collective = void(ThreadContext *, uint32_t, uint32_t, const uint32_t *, uint32_t *);
using Load = void *(ThreadContext *, void *, uint32_t, uint32_t, uint32_t);
using Barrier = void(ThreadContext *, uint32_t, uint32_t, uint32_t);

Program program(void (*entry)(ThreadContext *, const void *const *)) {
  Program result;
  result.entry = entry;
  result.sites = {{"shfl.sync.bfly", "a:1:1", parseCollective("shfl.sync.bfly"), 3},
                  {"barrier0", "a:2:1", std::nullopt, 0},
                  {"vote.sync.ballot", "a:3:1", parseCollective("vote.sync.ballot"), 1}};
  return result;
}

TEST(Run, EveryThreadRunsOnceInItsPlace) {
  static std::vector<uint32_t> seen;
  for (uint64_t seed : {0, 1, 2}) {
    seen.assign(6 * 48, 0);
    Program kernel = program([](ThreadContext *context, const void *const *) {
      uint32_t block = context->blockId[0] + context->blockId[1] * context->gridSize[0];
      uint32_t thread = context->threadId[0] + context->threadId[1] * context->blockSize[0];
      runtime<Barrier>("qllm_emu_barrier")(context, 1, 0, 0);
      ++seen[block * 48 + thread];
    });
    Launch launch;
    launch.grid = {3, 2, 1};
    launch.block = {16, 3, 1};
    launch.seed = seed;
    ASSERT_EQ(launchError(kernel, launch), "");
    RunReport report = run(kernel, launch);
    EXPECT_EQ(report.threads, 288u);
    EXPECT_TRUE(report.findings.empty());
    EXPECT_EQ(seen, std::vector<uint32_t>(6 * 48, 1));
  }
}

TEST(Run, LanesExchangeRegisters) {
  static std::vector<uint32_t> sums;
  sums.assign(64, 0);
  Program kernel = program([](ThreadContext *context, const void *const *) {
    uint32_t value = context->threadId[0], in[3] = {0, 0, 31}, out[2];
    for (uint32_t distance = 16; distance; distance /= 2) {
      in[0] = value;
      in[1] = distance;
      runtime<Collective>("qllm_emu_collective")(context, 0, ~0u, in, out);
      value += out[0];
    }
    sums[context->threadId[0]] = value;
  });
  Launch launch;
  launch.block = {64, 1, 1};
  for (uint64_t seed : {0, 9}) {
    launch.seed = seed;
    RunReport report = run(kernel, launch);
    EXPECT_EQ(report.collectives, 10u);
    for (unsigned i = 0; i < 64; ++i)
      EXPECT_EQ(sums[i], i < 32 ? 496u : 1520u);
  }
}

TEST(Run, SameSeedSameOrder) {
  static std::vector<uint32_t> order;
  Program kernel = program([](ThreadContext *context, const void *const *) {
    runtime<Barrier>("qllm_emu_barrier")(context, 1, 0, 0);
    order.push_back(context->threadId[0]);
  });
  auto orderOf = [&](uint64_t seed) {
    order.clear();
    Launch launch;
    launch.block = {128, 1, 1};
    launch.seed = seed;
    run(kernel, launch);
    return order;
  };
  EXPECT_EQ(orderOf(5), orderOf(5));
  EXPECT_NE(orderOf(5), orderOf(6));
}

TEST(Run, PartOfAWarpAtAVoteIsDivergent) {
  Program kernel = program([](ThreadContext *context, const void *const *) {
    uint32_t in[1] = {1}, out[2];
    if (context->lane < 8)
      runtime<Collective>("qllm_emu_collective")(context, 2, ~0u, in, out);
    else
      runtime<Barrier>("qllm_emu_barrier")(context, 1, 0, 0);
  });
  Launch launch;
  launch.block = {32, 1, 1};
  RunReport report = run(kernel, launch);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, FindingKind::DivergentCollective);
  EXPECT_EQ(report.findings[0].location, "a:3:1");
  EXPECT_NE(report.findings[0].first.find("lanes 0x000000ff wait in vote.sync.ballot"),
            std::string::npos);
}

TEST(Run, ABarrierDoesNotWaitForThoseWhoAreGone) {
  Program kernel = program([](ThreadContext *context, const void *const *) {
    if (context->threadId[0] % 3)
      runtime<Barrier>("qllm_emu_barrier")(context, 1, 0, 0);
  });
  Launch launch;
  launch.block = {96, 1, 1};
  EXPECT_TRUE(run(kernel, launch).findings.empty());
}

TEST(Run, ReadsMustEndInsideABuffer) {
  static std::vector<uint8_t> memory(64);
  Program kernel = program([](ThreadContext *context, const void *const *) {
    for (unsigned offset : {48, 56, 60})
      runtime<Load>("qllm_emu_load")(context, memory.data() + offset, 8, 4, 0);
  });
  Launch launch;
  launch.buffers = {{"x", memory.data(), memory.size(), false}};
  launch.checks = CheckBounds;
  RunReport report = run(kernel, launch);
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, FindingKind::OutOfBoundsRead);
  EXPECT_EQ(report.findings[0].count, 1u);
  EXPECT_EQ(report.findings[0].first,
            "block (0,0,0) thread (0,0,0) reads 8 bytes at x+60 of 64 bytes");
}

TEST(Run, SaysWhatThereIsNoMemoryFor) {
  if (addressBytes() > uint64_t(1) << 40)
    GTEST_SKIP() << "a sanitizer has taken more addresses than can be limited";
  Program kernel = program([](ThreadContext *, const void *const *) {});
  std::vector<uint8_t> memory(64);
  Launch launch;
  launch.block = {1024, 1, 1};
  launch.buffers = {{"x", memory.data(), memory.size(), true}};
  launch.checks = CheckRaces;
  auto errorWith = [&](uint64_t megabytes) {
    rlimit before;
    getrlimit(RLIMIT_AS, &before);
    rlimit limit = before;
    limit.rlim_cur = addressBytes() + (megabytes << 20);
    setrlimit(RLIMIT_AS, &limit);
    std::string error = run(kernel, launch).error;
    setrlimit(RLIMIT_AS, &before);
    return error;
  };
  EXPECT_EQ(errorWith(1 << 20), "");
  EXPECT_EQ(errorWith(16), "no memory for the stacks of 1024 threads");
  launch.buffers[0].size = size_t(1) << 32; // never touched
  EXPECT_EQ(errorWith(128), "no memory for the checks of races");
}

TEST(LaunchError, SaysWhatIsTooLarge) {
  Program kernel = program([](ThreadContext *, const void *const *) {});
  Launch launch;
  launch.block = {1024, 2, 1};
  EXPECT_EQ(launchError(kernel, launch), "expected a block of 1 to 1024 threads, but got 2048");
  launch.block = {32, 1, 1};
  launch.grid = {0, 1, 1};
  EXPECT_EQ(launchError(kernel, launch), "expected a grid of 1 to 2^27 - 1 blocks, but got 0");
  launch.grid = {UINT32_MAX, 1, 1};
  EXPECT_EQ(launchError(kernel, launch),
            "expected a grid of at most 2147483647 blocks along x, but got 4294967295");
  launch.grid = {1, 1, 1};
  launch.block = {UINT32_MAX, UINT32_MAX, UINT32_MAX};
  EXPECT_EQ(launchError(kernel, launch),
            "expected a block of 1 to 1024 threads, but got 4294967295 or more");
  launch.block = {32, 1, 1};
  launch.dynamicSharedBytes = 100;
  launch.mostSharedBytes = 64;
  EXPECT_EQ(launchError(kernel, launch),
            "expected at most 64 bytes of shared memory on sm_80, but got 100");
  launch.dynamicSharedBytes = 0;
  kernel.sites.push_back({"ldmatrix.sync.aligned.m8n8.x1.shared.b16", "a:9:1",
                          parseCollective("ldmatrix.sync.aligned.m8n8.x1.shared.b16"), 2});
  launch.block = {40, 1, 1};
  EXPECT_EQ(launchError(kernel, launch),
            "expected a multiple of 32 threads, because of "
            "ldmatrix.sync.aligned.m8n8.x1.shared.b16 at a:9:1, but got 40");
}

} // namespace
