// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clusters from their first thread to the last, and what is said when that is never reached.

#include "Cluster.h"

using namespace qllm::emu;

namespace {

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

} // namespace

Cluster::Cluster(const Program &program, const Launch &launch)
    : program(program), launch(launch), shape(program, launch),
      warpsPerBlock((launch.block[0] * launch.block[1] * launch.block[2] + 31) / 32),
      memory(program, launch, warpsPerBlock), turns(launch.seed) {
  for (const Site &site : program.sites)
    models.push_back(modelOf(launch, site));
  for (unsigned rank = 0; rank < shape.blocks(); ++rank)
    blocks.push_back(std::make_unique<Block>(*this, rank));
}

std::string Cluster::error() const {
  for (const std::unique_ptr<Block> &block : blocks)
    if (!block->hasStacks())
      return "no memory for the stacks of " +
             std::to_string(launch.block[0] * launch.block[1] * launch.block[2]) + " threads";
  return memory.error();
}

bool Cluster::run(uint64_t index) {
  memory.startCluster(index);
  fruitlessTests = 0;
  size_t warps = blocks.size() * warpsPerBlock;
  barrier = ClusterBarrier();
  barrier.waiting.resize(warps);
  barrier.arrivals.resize(warps);
  for (auto &waits : barrier.waits)
    waits.resize(warps);
  for (std::unique_ptr<Block> &block : blocks)
    block->reset(index);
  turns.run(Block::threadMain);
  for (std::unique_ptr<Block> &block : blocks)
    block->end();
  bool isStuck = turns.aliveCount() != 0;
  if (isStuck)
    reportStuck();
  return !isStuck;
}

/// One finding, at the operation that most plausibly is at fault: a collective that part of its
/// lanes reached, else the first that somebody waits in. The text lists where all threads are.
void Cluster::reportStuck() {
  std::string dump;
  std::optional<uint32_t> partial, any;
  for (std::unique_ptr<Block> &block : blocks)
    dump += (dump.empty() ? "" : "; ") + block->describeStuck(partial, any);
  if (unsigned alive = turns.aliveCount(); barrier.arrived)
    dump += "; the cluster's barrier lacks " + std::to_string(alive - barrier.arrived) + " of " +
            std::to_string(alive) + " threads";
  memory.findings.add(partial ? FindingKind::DivergentCollective : FindingKind::Deadlock,
                      partial.value_or(any.value_or(0)), [&] { return dump; });
}

void Cluster::collect(RunReport &report) {
  report.findings = memory.findings.collect(program);
  report.traffic = memory.traffic.collect(program);
  for (std::unique_ptr<Block> &block : blocks)
    block->collect(report);
}
