// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks from their first thread to the last, and what is said when that is never reached.

#include "Block.h"

#include <map>

using namespace qllm::emu;

namespace {

unsigned volume(const std::array<uint32_t, 3> &sizes) { return sizes[0] * sizes[1] * sizes[2]; }

FloatModel modelOf(const Launch &launch, const Site &site) {
  if (site.collective && !launch.exactSums) {
    if (const auto *mma = std::get_if<Mma>(&*site.collective))
      return floatModel(launch.architecture, *mma);
    if (const auto *mma = std::get_if<BlockScaledMma>(&*site.collective))
      return floatModel(*mma);
    if (const auto *mma = std::get_if<WarpgroupMma>(&*site.collective))
      return floatModel(launch.architecture, *mma);
  }
  return exactModel();
}

std::string hexadecimal(uint32_t value) {
  char text[11];
  snprintf(text, sizeof text, "0x%08x", value);
  return text;
}

} // namespace

Block::Block(const Program &program, const Launch &launch)
    : program(program), launch(launch), scheduler(volume(launch.block), launch.seed),
      memory(program, launch, (volume(launch.block) + 31) / 32), warps(scheduler.warpCount()),
      warpgroups((warps.size() + 3) / 4) {
  for (const Site &site : program.sites)
    models.push_back(modelOf(launch, site));
}

std::string Block::error() const {
  if (!scheduler.valid())
    return "no memory for the stacks of " + std::to_string(scheduler.threadCount()) + " threads";
  return memory.error();
}

bool Block::run(uint64_t index) {
  memory.startBlock(index);
  memoryBarriers.clear();
  tensorMemory = TensorMemory();
  fruitlessTests = 0;
  barriers.fill(NamedBarrier());
  for (Warpgroup &group : warpgroups)
    group = Warpgroup();
  for (unsigned i = 0; i < warps.size(); ++i) {
    warps[i].clock.reset(i);
    warps[i].groups.clear();
    warps[i].fenced.fill(0);
    warps[i].products = WarpProducts();
    warps[i].tensorKnown = VectorClock();
    warps[i].loadsTensorMemory = false;
  }
  const auto &[gx, gy, gz] = launch.grid;
  const auto &[bx, by, bz] = launch.block;
  for (unsigned i = 0; i < scheduler.threadCount(); ++i) {
    Thread &thread = scheduler.thread(i);
    static_cast<ThreadContext &>(thread) = {
        {i % bx, i / bx % by, i / bx / by},
        {bx, by, bz},
        {uint32_t(index % gx), uint32_t(index / gx % gy), uint32_t(index / gx / gy)},
        {gx, gy, gz},
        i % 32,
        i / 32,
        scheduler.warpCount(),
        uint32_t(launch.dynamicSharedBytes),
        memory.shared(),
        this};
  }
  scheduler.run(threadMain);
  threadCount += scheduler.threadCount();
  memory.flushTraffic();
  for (const TensorMemory::Allocation &left : tensorMemory.allocations)
    memory.findings.add(FindingKind::TensorMemoryMisuse, left.site, [&] {
      return "the block ends with " + std::to_string(left.columns) +
             " columns of tensor memory that nobody gave back";
    });
  if (scheduler.aliveCount())
    reportStuck();
  return scheduler.aliveCount() == 0;
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
  scheduler.finish(thread);
}

/// One finding, at the operation that most plausibly is at fault: a collective that part of its
/// lanes reached, else the first that somebody waits in. The text lists where all threads are.
void Block::reportStuck() {
  std::string dump;
  std::optional<uint32_t> partial, any;
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
  const Thread &first = scheduler.thread(0);
  std::string block = "block (" + std::to_string(first.blockId[0]) + "," +
                      std::to_string(first.blockId[1]) + "," + std::to_string(first.blockId[2]) +
                      "): ";
  memory.findings.add(partial ? FindingKind::DivergentCollective : FindingKind::Deadlock,
                      partial.value_or(any.value_or(0)), [&] { return block + dump; });
}

void Block::collect(RunReport &report) {
  report.findings = memory.findings.collect(program);
  report.traffic = memory.traffic.collect(program);
  report.threads = threadCount;
  report.collectives = collectives;
  report.multiplyAdds = multiplyAdds;
  report.switches = scheduler.switchCount();
}
