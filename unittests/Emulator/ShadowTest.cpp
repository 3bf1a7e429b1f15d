// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Emulator/Runtime/Fiber.h"
#include "qllm/Emulator/Runtime/GlobalShadow.h"
#include "qllm/Emulator/Runtime/SharedShadow.h"
#include "qllm/Emulator/Runtime/Traffic.h"
#include "gtest/gtest.h"

using namespace qllm::emu;

namespace {

TEST(Fiber, TakesTurns) {
  struct State {
    Fiber main, first, second;
    std::string trace;
  } state;
  StackPool stacks(2, 64 << 10);
  ASSERT_TRUE(stacks.valid());
  state.first.start(
      stacks[0],
      [](void *argument) {
        auto &state = *static_cast<State *>(argument);
        for (;;) {
          state.trace += 'a';
          state.first.switchTo(state.second);
        }
      },
      &state);
  state.second.start(
      stacks[1],
      [](void *argument) {
        auto &state = *static_cast<State *>(argument);
        state.trace += 'b';
        state.second.switchTo(state.first);
        state.trace += 'c';
        state.second.switchTo(state.main);
      },
      &state);
  state.main.switchTo(state.first);
  EXPECT_EQ(state.trace, "abac");
}

/// Two warps and 64 bytes of shared memory.
class SharedShadowTest : public testing::Test {
protected:
  SharedShadowTest() {
    shadow.reset(64, 2);
    for (unsigned warp = 0; warp < 2; ++warp)
      clocks[warp].reset(warp);
  }
  Accessor at(unsigned warp, unsigned lane) { return {&clocks[warp], lane}; }
  /// All warps meet at a barrier.
  void barrier() {
    VectorClock all = clocks[0].seen;
    all.join(clocks[1].seen);
    for (WarpClock &clock : clocks) {
      clock.acquire(all);
      clock.synchronizeLanes();
    }
  }
  static FindingKind kindOf(const std::optional<Conflict> &conflict) {
    return conflict.value().kind;
  }

  SharedShadow shadow;
  WarpClock clocks[2];
};

TEST_F(SharedShadowTest, ReadsWantAWrite) {
  EXPECT_EQ(kindOf(shadow.read(at(0, 0), 0, 4)), FindingKind::UninitializedRead);
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 2));
  EXPECT_FALSE(shadow.read(at(0, 0), 0, 2));
  EXPECT_EQ(kindOf(shadow.read(at(0, 0), 0, 4)), FindingKind::UninitializedRead);
}

TEST_F(SharedShadowTest, WarpsNeedABarrier) {
  EXPECT_FALSE(shadow.write(at(0, 3), 16, 16));
  std::optional<Conflict> conflict = shadow.read(at(1, 5), 20, 4);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, FindingKind::Race);
  EXPECT_EQ(conflict->offset, 20u);
  EXPECT_EQ(conflict->otherWarp, 0u);
  EXPECT_EQ(conflict->otherLane, 3u);
  barrier();
  EXPECT_FALSE(shadow.read(at(1, 5), 20, 4));
}

TEST_F(SharedShadowTest, ReadersOrderWriters) {
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 4));
  barrier();
  EXPECT_FALSE(shadow.read(at(0, 1), 0, 4));
  EXPECT_FALSE(shadow.read(at(1, 2), 0, 4));
  std::optional<Conflict> conflict = shadow.write(at(0, 1), 0, 4);
  ASSERT_TRUE(conflict);
  EXPECT_FALSE(conflict->otherWrote);
  EXPECT_EQ(conflict->otherWarp, 1u);
}

// A write that nothing orders behind a read is reported once, not the writes behind it as well.
TEST_F(SharedShadowTest, ReadsCountUntilTheWordIsWritten) {
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 4));
  barrier();
  EXPECT_FALSE(shadow.read(at(1, 2), 0, 4));
  EXPECT_TRUE(shadow.write(at(0, 1), 0, 4));
  EXPECT_FALSE(shadow.write(at(0, 1), 0, 4));
}

TEST_F(SharedShadowTest, WritesOfOtherBytesLeaveReadsThere) {
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 4));
  barrier();
  EXPECT_FALSE(shadow.read(at(1, 2), 2, 2));
  EXPECT_FALSE(shadow.write(at(0, 1), 0, 2));
  EXPECT_TRUE(shadow.write(at(0, 1), 2, 2));
}

TEST_F(SharedShadowTest, ReadsOfSeveralWordsLookAtEach) {
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 16));
  barrier();
  EXPECT_FALSE(shadow.write(at(1, 7), 8, 4));
  std::optional<Conflict> conflict = shadow.read(at(0, 0), 0, 16);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->offset, 8u);
  EXPECT_EQ(conflict->otherWarp, 1u);
  EXPECT_EQ(kindOf(shadow.read(at(0, 0), 12, 16)), FindingKind::UninitializedRead);
}

TEST_F(SharedShadowTest, LanesNeedAWarpBarrier) {
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 4));
  EXPECT_FALSE(shadow.read(at(0, 0), 0, 4));
  EXPECT_EQ(kindOf(shadow.read(at(0, 1), 0, 4)), FindingKind::Race);
  clocks[0].synchronizeLanes();
  EXPECT_FALSE(shadow.read(at(0, 1), 0, 4));
}

TEST_F(SharedShadowTest, BytesOfAWordAreApart) {
  for (unsigned lane = 0; lane < 4; ++lane)
    EXPECT_FALSE(shadow.write(at(0, lane), lane, 1));
  EXPECT_FALSE(shadow.read(at(0, 3), 3, 1));
}

TEST_F(SharedShadowTest, CopiesAreInFlightUntilTheyLand) {
  EXPECT_FALSE(shadow.writeLater(at(0, 0), 0, 16));
  EXPECT_EQ(kindOf(shadow.read(at(0, 0), 4, 4)), FindingKind::CopyNotWaitedFor);
  shadow.land(at(0, 0), 0, 16);
  EXPECT_FALSE(shadow.read(at(0, 0), 4, 4));
  EXPECT_EQ(kindOf(shadow.read(at(1, 0), 4, 4)),
            FindingKind::Race); // the wait of one thread is not a barrier
  barrier();
  EXPECT_FALSE(shadow.read(at(1, 0), 4, 4));
}

TEST_F(SharedShadowTest, ProxyReadsWantAFence) {
  uint32_t fenced = 0;
  auto fencedAt = [&](unsigned, unsigned) { return fenced; };
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 16));
  EXPECT_EQ(kindOf(shadow.readByProxy(at(0, 0), 0, 16, fencedAt)), FindingKind::MissingProxyFence);
  fenced = clocks[0].seen[0];
  EXPECT_FALSE(shadow.readByProxy(at(0, 0), 0, 16, fencedAt));
}

TEST_F(SharedShadowTest, AtomicsClashWithOthersOnly) {
  EXPECT_EQ(kindOf(shadow.atomic(at(0, 0), 0, 4, AccessKind::Atomic)),
            FindingKind::UninitializedRead);
  EXPECT_FALSE(shadow.atomic(at(1, 0), 0, 4, AccessKind::Atomic));
  EXPECT_FALSE(shadow.atomic(at(0, 3), 0, 4, AccessKind::AtomicRead));
  EXPECT_FALSE(shadow.atomic(at(1, 5), 0, 4, AccessKind::AtomicWrite));
  EXPECT_EQ(kindOf(shadow.read(at(0, 0), 0, 4)), FindingKind::Race);
  EXPECT_EQ(kindOf(shadow.write(at(0, 0), 0, 4)), FindingKind::Race);
  EXPECT_EQ(kindOf(shadow.atomic(at(1, 0), 0, 4, AccessKind::Atomic)), FindingKind::Race);
  barrier();
  EXPECT_FALSE(shadow.read(at(0, 0), 0, 4));
  EXPECT_EQ(kindOf(shadow.atomic(at(1, 0), 0, 4, AccessKind::AtomicWrite)), FindingKind::Race);
  barrier();
  EXPECT_FALSE(shadow.write(at(0, 0), 0, 4));
  EXPECT_EQ(kindOf(shadow.atomic(at(1, 0), 0, 4, AccessKind::AtomicWrite)), FindingKind::Race);
}

/// The first lane of a warp, at that offset of a buffer.
void atomic(GlobalShadow &shadow, WarpClock &clock, uint64_t offset, uint32_t order) {
  shadow.synchronize(clock, 0, offset, order);
  EXPECT_FALSE(shadow.access({&clock, 0}, 0, offset, 4, AccessKind::Atomic));
}

// A flag hands over between warps of a block, too.
TEST(GlobalShadow, AtomicsOrderWarps) {
  std::vector<uint8_t> memory(64);
  GlobalShadow shadow({{"x", memory.data(), memory.size(), true}});
  WarpClock clocks[2];
  clocks[0].reset(0);
  clocks[1].reset(1);
  Accessor first{&clocks[0], 0}, second{&clocks[1], 0};
  shadow.startCluster(0);
  EXPECT_FALSE(shadow.access(first, 0, 0, 4, AccessKind::Write));
  shadow.synchronize(clocks[0], 0, 32, OrderRelease | OnlyWrites);
  EXPECT_FALSE(shadow.access(first, 0, 32, 4, AccessKind::AtomicWrite));
  clocks[0].tick();
  EXPECT_TRUE(shadow.access(second, 0, 0, 4, AccessKind::Read));
  shadow.synchronize(clocks[1], 0, 32, OrderAcquire | OnlyReads);
  EXPECT_FALSE(shadow.access(second, 0, 32, 4, AccessKind::AtomicRead));
  EXPECT_FALSE(shadow.access(second, 0, 0, 4, AccessKind::Read));
  EXPECT_FALSE(shadow.access(first, 0, 32, 4, AccessKind::AtomicWrite));
  EXPECT_TRUE(shadow.access(first, 0, 32, 4, AccessKind::Write));
}

TEST(GlobalShadow, BlocksClashUnlessAnAtomicOrdersThem) {
  std::vector<uint8_t> memory(64);
  GlobalShadow shadow({{"x", memory.data(), memory.size(), true}});
  WarpClock clock;
  clock.reset(0);
  Accessor who{&clock, 0};
  shadow.startCluster(0);
  EXPECT_FALSE(shadow.access(who, 0, 0, 8, AccessKind::Write));
  atomic(shadow, clock, 32, OrderAcquire | OrderRelease);
  shadow.startCluster(1);
  std::optional<GlobalConflict> conflict = shadow.access(who, 0, 0, 4, AccessKind::Read);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, FindingKind::BlockRace);
  EXPECT_EQ(conflict->otherBlock, 0u);
  shadow.startCluster(2);
  atomic(shadow, clock, 32, OrderAcquire | OrderRelease);
  EXPECT_FALSE(shadow.access(who, 0, 4, 4, AccessKind::Write));
}

/// A buffer of 64 bytes, and blocks of one warp.
class GlobalShadowTest : public testing::Test {
protected:
  GlobalShadowTest() : memory(64), shadow({{"x", memory.data(), memory.size(), true}}) {}
  void startCluster(uint64_t index) {
    clock.reset(0);
    shadow.startCluster(index);
  }
  std::optional<GlobalConflict> access(unsigned lane, uint64_t offset, AccessKind kind) {
    return shadow.access({&clock, lane}, 0, offset, 4, kind);
  }

  std::vector<uint8_t> memory;
  GlobalShadow shadow;
  WarpClock clock;
};

TEST_F(GlobalShadowTest, LanesOfAWarpClash) {
  startCluster(0);
  EXPECT_FALSE(access(0, 0, AccessKind::Write));
  std::optional<GlobalConflict> conflict = access(1, 0, AccessKind::Write);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, FindingKind::Race);
  EXPECT_EQ(conflict->otherLane, 0u);
  clock.synchronizeLanes();
  EXPECT_FALSE(access(2, 0, AccessKind::Write));
}

TEST_F(GlobalShadowTest, WritesClashWithReads) {
  startCluster(0);
  EXPECT_FALSE(access(0, 8, AccessKind::Read));
  startCluster(1);
  EXPECT_FALSE(access(0, 8, AccessKind::Read));
  startCluster(2);
  std::optional<GlobalConflict> conflict = access(0, 8, AccessKind::Write);
  ASSERT_TRUE(conflict);
  EXPECT_EQ(conflict->kind, FindingKind::BlockRace);
  EXPECT_EQ(conflict->otherBlock, 1u);
  EXPECT_FALSE(conflict->otherWrote);
}

TEST_F(GlobalShadowTest, ABlockKnowsNothingOfWhatTheOneBeforeHasLearnt) {
  startCluster(0);
  EXPECT_FALSE(access(0, 0, AccessKind::Write));
  atomic(shadow, clock, 32, OrderRelease);
  startCluster(1);
  atomic(shadow, clock, 32, OrderAcquire);
  EXPECT_FALSE(access(0, 0, AccessKind::Read));
  startCluster(2);
  EXPECT_TRUE(access(0, 0, AccessKind::Read));
}

// What a warp does after it has passed on the block's past, or other warps have not shown it, is
// not part of that past.
TEST(GlobalShadow, AnAtomicPassesOnWhatItsThreadKnows) {
  std::vector<uint8_t> memory(64);
  GlobalShadow shadow({{"x", memory.data(), memory.size(), true}});
  WarpClock clocks[2];
  clocks[0].reset(0);
  clocks[1].reset(1);
  Accessor first{&clocks[0], 0}, second{&clocks[1], 0};
  shadow.startCluster(0);
  EXPECT_FALSE(shadow.access(second, 0, 0, 4, AccessKind::Write));
  EXPECT_FALSE(shadow.access(first, 0, 4, 4, AccessKind::Write));
  atomic(shadow, clocks[0], 32, OrderRelease);
  clocks[0].tick();
  EXPECT_FALSE(shadow.access(first, 0, 8, 4, AccessKind::Write));
  clocks[0].reset(0);
  shadow.startCluster(1);
  atomic(shadow, clocks[0], 32, OrderAcquire);
  EXPECT_FALSE(shadow.access(first, 0, 4, 4, AccessKind::Read));
  EXPECT_TRUE(shadow.access(first, 0, 0, 4, AccessKind::Read));
  EXPECT_TRUE(shadow.access(first, 0, 8, 4, AccessKind::Read));
}

TEST(GlobalShadow, FencesMakeAtomicsOrder) {
  std::vector<uint8_t> memory(64);
  GlobalShadow shadow({{"x", memory.data(), memory.size(), true}});
  WarpClock clock;
  clock.reset(0);
  Accessor who{&clock, 0};
  shadow.startCluster(0);
  EXPECT_FALSE(shadow.access(who, 0, 0, 4, AccessKind::Write));
  shadow.fence(clock, 0);
  atomic(shadow, clock, 32, OrderNothing);
  shadow.startCluster(1);
  atomic(shadow, clock, 32, OrderNothing);
  EXPECT_TRUE(shadow.access(who, 0, 0, 4, AccessKind::Read));
  shadow.fence(clock, 0);
  EXPECT_FALSE(shadow.access(who, 0, 0, 4, AccessKind::Read));
}

TEST(Traffic, CountsBankPasses) {
  uint64_t addresses[32];
  auto fill = [&](uint64_t stride) {
    for (unsigned i = 0; i < 32; ++i)
      addresses[i] = i * stride;
  };
  fill(4);
  EXPECT_EQ(bankPasses(addresses, 32, 4), 1u);
  fill(8);
  EXPECT_EQ(bankPasses(addresses, 32, 4), 2u);
  fill(128);
  EXPECT_EQ(bankPasses(addresses, 32, 4), 32u);
  fill(0); // all read the same word
  EXPECT_EQ(bankPasses(addresses, 32, 4), 1u);
  fill(16);
  EXPECT_EQ(bankPasses(addresses, 32, 16), 4u);
  fill(64);
  EXPECT_EQ(bankPasses(addresses, 32, 16), 16u);
  // Rows of 128 bytes whose pieces take turns, as `ldmatrix` reads them.
  for (unsigned i = 0; i < 8; ++i)
    addresses[i] = i * 128 + i * 16;
  EXPECT_EQ(bankPasses(addresses, 8, 16), 1u);
  addresses[0] = 120; // misaligned: its last two words are in the first banks
  addresses[1] = 384;
  EXPECT_EQ(bankPasses(addresses, 2, 16), 2u);
  for (unsigned i = 0; i < 32; ++i)
    addresses[i] = i % 2 * 128; // two words of a bank, again and again
  EXPECT_EQ(bankPasses(addresses, 32, 4), 2u);
}

TEST(Traffic, CountsSectors) {
  const uint64_t together[] = {0, 4, 8, 28}, apart[] = {0, 32, 64, 4096}, across[] = {24};
  EXPECT_EQ(sectors(together, 4, 4), 1u);
  EXPECT_EQ(sectors(apart, 4, 4), 4u);
  EXPECT_EQ(sectors(across, 1, 16), 2u);
  const uint64_t same[] = {64, 64, 64, 64};
  EXPECT_EQ(leastSectors(apart, 4, 16), 2u);
  EXPECT_EQ(leastSectors(same, 4, 16), 1u);
  uint64_t shifted[32];
  for (unsigned i = 0; i < 32; ++i)
    shifted[i] = 16 + i * 4;
  EXPECT_EQ(sectors(shifted, 32, 4), 5u);
  EXPECT_EQ(leastSectors(shifted, 32, 4), 4u);
}

/// Sectors of requests in which lanes take part in any order, and some only in the first.
TEST(Traffic, PutsRequestsTogether) {
  Program program;
  program.sites.resize(2);
  TrafficLog log(2, 2);
  for (unsigned turn = 0; turn < 3; ++turn)
    for (unsigned lane = 32; lane-- > 0;)
      log.add(1, 0, lane, turn * 128 + lane * 4, 4, false);
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned turn = 0; turn < 1 + lane % 2; ++turn)
      log.add(1, 1, lane, turn * 4096 + lane * 4, 4, false);
  log.flush(0, kMaxWarps);
  std::vector<Traffic> traffic = log.collect(program);
  ASSERT_EQ(traffic.size(), 1u);
  EXPECT_EQ(traffic[0].requests, 5u);
  EXPECT_EQ(traffic[0].units, 5 * 4u);
  EXPECT_EQ(traffic[0].leastUnits, 4 * 4u + 2u);
}

} // namespace
