// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks from their first thread to the last, and what is said when that is never reached.

#include "Cluster.h"

#include <map>

using namespace qllm::emu;

namespace {

std::string hexadecimal(uint32_t value) {
  char text[11];
  snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

} // namespace

Block::Block(Cluster &cluster, unsigned rank)
    : cluster(cluster), program(cluster.program), launch(cluster.launch), rank(rank),
      memory(cluster.memory),
      scheduler(cluster.turns, launch.block[0] * launch.block[1] * launch.block[2]),
      warps(scheduler.warpCount()), warpgroups((warps.size() + 3) / 4), models(cluster.models),
      fruitlessTests(cluster.fruitlessTests), fruitlessPolls(cluster.fruitlessPolls) {}

void Block::reset(uint64_t index) {
  memoryBarriers.clear();
  tensorMemory = TensorMemory();
  barriers.fill(NamedBarrier());
  ended = VectorClock();
  for (Warpgroup &group : warpgroups)
    group = Warpgroup();
  unsigned perBlock = unsigned(warps.size());
  for (unsigned i = 0; i < perBlock; ++i) {
    warps[i].clock.reset(rank * perBlock + i, cluster.shape.blocks() * perBlock, perBlock);
    warps[i].groups.clear();
    warps[i].fenced.fill(0);
    warps[i].products = WarpProducts();
    warps[i].tensorKnown = VectorClock();
    warps[i].loadsTensorMemory = false;
    warps[i].initsFenced = 0;
    warps[i].initsKnown = VectorClock();
  }
  ThreadContext context{};
  auto set = [](uint32_t (&triple)[3], const Sizes &sizes) {
    std::copy(sizes.begin(), sizes.end(), triple);
  };
  set(context.blockSize, launch.block);
  set(context.blockId, cluster.shape.blockId(index, rank));
  set(context.gridSize, launch.grid);
  set(context.clusterId, unravel(index, cluster.shape.count));
  set(context.clusterCount, cluster.shape.count);
  set(context.blockInCluster, unravel(rank, cluster.shape.size));
  set(context.clusterSize, cluster.shape.size);
  context.rank = rank;
  context.clusterBlocks = cluster.shape.blocks();
  context.warps = perBlock;
  context.dynamicSharedBytes = uint32_t(launch.dynamicSharedBytes);
  context.shared = memory.shared(rank);
  context.block = this;
  for (unsigned i = 0; i < scheduler.threadCount(); ++i) {
    set(context.threadId, unravel(i, launch.block));
    context.lane = i % 32;
    context.warp = i / 32;
    static_cast<ThreadContext &>(scheduler.thread(i)) = context;
  }
}

void Block::end() {
  threadCount += scheduler.threadCount();
  memory.flushTraffic(rank);
  for (const TensorMemory::Allocation &left : tensorMemory.allocations)
    memory.findings.add(FindingKind::TensorMemoryMisuse, left.site, [&] {
      return "the block ends with " + std::to_string(left.columns) +
             " columns of tensor memory that nobody gave back";
    });
}

void Block::threadMain(void *argument) {
  auto &thread = *static_cast<Thread *>(argument);
  Block &block = *thread.block;
  block.program.entry(&thread, block.launch.arguments);
  block.finish(thread);
}

void Block::trap(Thread &thread, uint32_t site) {
  memory.findings.add(FindingKind::Trap, site,
                      [&] { return describeThread(thread) + " ends here"; });
  finish(thread);
}

void Block::finish(Thread &thread) {
  for (const AsyncCopies *copies : {&thread.copies, &thread.stores})
    if (!copies->empty() && memory.checks(CheckRaces))
      memory.findings.add(FindingKind::CopyNeverWaitedFor, copies->oldest().site,
                          [&] { return describeThread(thread) + " ends with copies under way"; });
  if (auto product = warpOf(thread).products.find([](const Product &) { return true; });
      product && thread.lane == 0)
    memory.findings.add(FindingKind::CopyNeverWaitedFor, product->site,
                        [&] { return describeThread(thread) + " ends with products under way"; });
  if (const TensorQueue *queue = tensorMemory.find(thread.index());
      queue && queue->complete != queue->issued)
    memory.findings.add(FindingKind::CopyNeverWaitedFor, queue->lastSite, [&] {
      return describeThread(thread) + " ends with operations on tensor memory under way";
    });
  // Barriers of the whole block do not wait for threads that are gone.
  for (NamedBarrier &barrier : barriers)
    if (barrier.all && barrier.arrived && barrier.arrived == scheduler.aliveCount() - 1)
      release(barrier);
  if (cluster.shape.blocks() > 1) {
    cluster.leave(thread);
    ended.join(warpOf(thread).clock.seen);
    if (scheduler.aliveCount() == 1)
      memory.endBlock(rank, ended);
  }
  scheduler.finish(thread);
}

std::string Block::describeStuck(std::optional<uint32_t> &partial, std::optional<uint32_t> &any) {
  std::string dump;
  for (unsigned warp = 0; warp < warps.size(); ++warp) {
    std::map<uint32_t, uint32_t> lanesAt;
    for (uint32_t lanes = scheduler.aliveLanes(warp); lanes; lanes &= lanes - 1) {
      unsigned lane = unsigned(__builtin_ctz(lanes));
      lanesAt[scheduler.thread(warp, lane).waitSite] |= 1u << lane;
    }
    for (auto [site, lanes] : lanesAt) {
      if (site == kNotWaiting)
        continue;
      const Site &at = siteAt(site);
      if (at.collective && !partial)
        partial = site;
      if (!any)
        any = site;
      dump += (dump.empty() ? "" : "; ") + std::string("warp ") + std::to_string(warp) + " lanes " +
              hexadecimal(lanes) + " wait in " + at.operation + " at " + at.location;
    }
    if (uint32_t gone = scheduler.lanes(warp) & ~scheduler.aliveLanes(warp))
      dump += (dump.empty() ? "" : "; ") + std::string("warp ") + std::to_string(warp) + " lanes " +
              hexadecimal(gone) + " have finished";
  }
  for (const auto &[offset, barrier] : memoryBarriers)
    if (std::any_of(barrier.waiting.begin(), barrier.waiting.end(),
                    [](uint32_t lanes) { return lanes != 0; }))
      dump += "; the mbarrier at shared+" + std::to_string(offset) + " lacks " +
              std::to_string(barrier.pending) + " arrivals and " + std::to_string(barrier.bytes) +
              " bytes";
  return memory.describeBlock(rank) + ": " + dump;
}

void Block::collect(RunReport &report) {
  report.threads += threadCount;
  report.collectives += collectives;
  report.multiplyAdds += multiplyAdds;
  report.switches += scheduler.switchCount();
}

Warp &Block::warpAt(unsigned warp) {
  return cluster.block(warp / unsigned(warps.size())).warps[warp % warps.size()];
}

void Block::clusterArrive(Thread &thread, uint32_t site, uint32_t form) {
  cluster.arrive(thread, site, form);
}

void Block::clusterWait(Thread &thread, uint32_t site, bool aligned) {
  cluster.wait(thread, site, aligned);
}

/// mapa: the same place in the shared memory of another block.
void *Block::mapShared(Thread &thread, uint32_t site, void *address, uint32_t to) {
  if (to >= cluster.shape.blocks()) {
    memory.findings.add(FindingKind::AbsentBlock, site, [&] {
      return describeThread(thread) + " asks for block " + std::to_string(to) +
             " of a cluster of " + std::to_string(cluster.shape.blocks());
    });
    return address;
  }
  return placeIn(to, static_cast<uint8_t *>(address)); // out of bounds if it lies nowhere
}
