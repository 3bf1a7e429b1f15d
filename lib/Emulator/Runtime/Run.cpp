// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches.

#include "Block.h"

#include <ctime>

using namespace qllm::emu;

namespace {

double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + 1e-9 * double(now.tv_nsec);
}

/// Threads that the operation needs all of.
unsigned threadsTogether(const Site &site) {
  if (!site.collective)
    return 1;
  if (std::holds_alternative<WarpgroupMma>(*site.collective))
    return 128;
  bool warp = std::holds_alternative<Mma>(*site.collective) ||
              std::holds_alternative<MatrixCopy>(*site.collective) ||
              std::holds_alternative<WarpgroupControl>(*site.collective);
  return warp ? 32 : 1;
}

/// The blocks in the order in which they run.
std::vector<uint64_t> blockOrder(const Launch &launch) {
  std::vector<uint64_t> order(uint64_t(launch.grid[0]) * launch.grid[1] * launch.grid[2]);
  for (uint64_t i = 0; i < order.size(); ++i)
    order[i] = i;
  Random random(launch.seed);
  for (uint64_t i = order.size(); launch.seed && i > 1; --i)
    std::swap(order[i - 1], order[random.below(uint32_t(i))]);
  return order;
}

} // namespace

std::string qllm::emu::launchError(const Program &program, const Launch &launch) {
  constexpr uint64_t kMaxThreads = 1024, kMaxBlocks = GlobalShadow::kMostBlocks + 1;
  uint64_t threads = uint64_t(launch.block[0]) * launch.block[1] * launch.block[2], blocks = 1;
  for (uint32_t size : launch.grid)
    blocks = std::min(blocks * size, kMaxBlocks); // no product of three overflows this way
  if (threads == 0 || threads > kMaxThreads)
    return "expected a block of 1 to " + std::to_string(kMaxThreads) + " threads, but got " +
           std::to_string(threads);
  if (blocks == 0 || blocks == kMaxBlocks)
    return "expected a grid of 1 to 2^27 - 1 blocks, but got " +
           (blocks ? std::string("more") : std::to_string(blocks));
  size_t shared = program.staticSharedBytes + launch.dynamicSharedBytes;
  if (shared > SharedWindow::kLimit)
    return "expected at most " + std::to_string(SharedWindow::kLimit) +
           " bytes of shared memory, but got " + std::to_string(shared);
  for (const Site &site : program.sites)
    if (unsigned together = threadsTogether(site); threads % together)
      return "expected a multiple of " + std::to_string(together) + " threads, because of " +
             site.operation + " at " + site.location + ", but got " + std::to_string(threads);
  return "";
}

RunReport qllm::emu::run(const Program &program, const Launch &launch) {
  double start = cpuSeconds();
  RunReport report;
  Block block(program, launch);
  report.error = block.error();
  if (!report.error.empty())
    return report;
  for (uint64_t index : blockOrder(launch))
    if (!block.run(index))
      break; // the others would most likely get stuck as well
  block.collect(report);
  report.cpuSeconds = cpuSeconds() - start;
  return report;
}
