// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches.

#include "Cluster.h"

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

/// The clusters in the order in which they run.
std::vector<uint64_t> clusterOrder(uint64_t count, const Launch &launch) {
  std::vector<uint64_t> order(count);
  for (uint64_t i = 0; i < order.size(); ++i)
    order[i] = i;
  Random random(launch.seed);
  for (uint64_t i = order.size(); launch.seed && i > 1; --i)
    std::swap(order[i - 1], order[random.below(uint32_t(i))]);
  return order;
}

std::string describe(const std::array<uint32_t, 3> &sizes) {
  return std::to_string(sizes[0]) + "x" + std::to_string(sizes[1]) + "x" + std::to_string(sizes[2]);
}

/// Of all dimensions, or `most` if there are more. No product overflows this way.
uint64_t volume(const std::array<uint32_t, 3> &sizes, uint64_t most) {
  uint64_t product = 1;
  for (uint32_t size : sizes)
    product = std::min(product * size, most);
  return product;
}

/// What every device refuses, and what the kernel was not compiled for.
std::string blockError(const Program &program, const std::array<uint32_t, 3> &block) {
  constexpr uint64_t kMaxThreads = 1024;
  constexpr uint32_t kMaxDepth = 64;
  uint64_t threads = volume(block, UINT32_MAX);
  if (threads == 0 || threads > kMaxThreads)
    return "expected a block of 1 to " + std::to_string(kMaxThreads) + " threads, but got " +
           std::to_string(threads) + (threads == UINT32_MAX ? " or more" : "");
  if (block[2] > kMaxDepth)
    return "expected a block of at most " + std::to_string(kMaxDepth) +
           " threads along z, but got " + std::to_string(block[2]);
  if (program.requiredBlock[0] && block != program.requiredBlock)
    return "expected a block of " + describe(program.requiredBlock) +
           " threads, which the kernel requires (reqntid), but got " + describe(block);
  if (program.mostThreads && threads > program.mostThreads)
    return "expected a block of at most " + std::to_string(program.mostThreads) +
           " threads, for which the kernel is compiled (maxntid), but got " +
           std::to_string(threads);
  return "";
}

std::string gridError(const std::array<uint32_t, 3> &grid) {
  constexpr std::array<uint32_t, 3> kMaxSizes = {INT32_MAX, 65535, 65535};
  constexpr uint64_t kTooMany = GlobalShadow::kMostBlocks + 1;
  for (unsigned i = 0; i < 3; ++i)
    if (grid[i] > kMaxSizes[i])
      return "expected a grid of at most " + std::to_string(kMaxSizes[i]) + " blocks along " +
             "xyz"[i] + ", but got " + std::to_string(grid[i]);
  uint64_t blocks = volume(grid, kTooMany);
  if (blocks == 0 || blocks == kTooMany)
    return "expected a grid of 1 to 2^27 - 1 blocks, but got " +
           (blocks ? std::string("more") : std::to_string(blocks));
  return "";
}

std::string clusterError(const Program &program, const Launch &launch) {
  ClusterShape shape(program, launch);
  if (program.requiredCluster[0] && shape.size != program.requiredCluster)
    return "expected a cluster of " + describe(program.requiredCluster) +
           " blocks, which the kernel requires (reqnctapercluster), but got " +
           describe(shape.size);
  uint64_t blocks = volume(shape.size, UINT32_MAX);
  uint64_t most = program.mostClusterBlocks ? program.mostClusterBlocks : kMaxClusterBlocks;
  if (blocks > std::min<uint64_t>(most, kMaxClusterBlocks))
    return "expected a cluster of at most " +
           std::to_string(std::min<uint64_t>(most, kMaxClusterBlocks)) + " blocks, but got " +
           std::to_string(blocks);
  if (blocks > 1 && !launch.hasClusters)
    return "expected single blocks, for sm_" + std::to_string(launch.architecture) +
           " has no clusters, but got a cluster of " + describe(shape.size);
  for (unsigned i = 0; i < 3; ++i)
    if (launch.grid[i] % shape.size[i])
      return "expected a grid that is a multiple of the cluster of " + describe(shape.size) +
             " blocks, but got " + describe(launch.grid);
  return "";
}

} // namespace

std::string qllm::emu::launchError(const Program &program, const Launch &launch) {
  if (std::string error = blockError(program, launch.block); !error.empty())
    return error;
  if (std::string error = gridError(launch.grid); !error.empty())
    return error;
  if (std::string error = clusterError(program, launch); !error.empty())
    return error;
  size_t shared = program.staticSharedBytes + launch.dynamicSharedBytes;
  if (shared > launch.mostSharedBytes)
    return "expected at most " + std::to_string(launch.mostSharedBytes) +
           " bytes of shared memory on sm_" + std::to_string(launch.architecture) + ", but got " +
           std::to_string(shared);
  uint64_t threads = volume(launch.block, UINT32_MAX);
  for (const Site &site : program.sites)
    if (unsigned together = threadsTogether(site); threads % together)
      return "expected a multiple of " + std::to_string(together) + " threads, because of " +
             site.operation + " at " + site.location + ", but got " + std::to_string(threads);
  return "";
}

RunReport qllm::emu::run(const Program &program, const Launch &launch) {
  double start = cpuSeconds();
  RunReport report;
  Cluster cluster(program, launch);
  report.error = cluster.error();
  if (!report.error.empty())
    return report;
  for (uint64_t index : clusterOrder(cluster.count(), launch))
    if (!cluster.run(index))
      break; // the others would most likely get stuck as well
  cluster.collect(report);
  report.cpuSeconds = cpuSeconds() - start;
  return report;
}
