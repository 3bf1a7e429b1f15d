// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async.bulk: one thread asks for a copy. Of one into shared memory an mbarrier announces the
// arrival; one out of it is waited for by groups.

#include "Cluster.h"

using namespace qllm::emu;

namespace {
constexpr uint32_t kBulkAlignment = 16;

bool anybody(const std::array<uint32_t, kMaxWarps> &lanes) {
  return std::any_of(lanes.begin(), lanes.end(), [](uint32_t mask) { return mask != 0; });
}
} // namespace

bool Block::isBulkSize(Thread &thread, uint32_t site, uint32_t size) {
  if (size && size % kBulkAlignment == 0)
    return true;
  memory.findings.add(FindingKind::Misaligned, site, [&] {
    return describeThread(thread) + " copies " + std::to_string(size) +
           " bytes, which is no multiple of 16";
  });
  return false;
}

std::vector<unsigned> Block::copyTargets(Thread &thread, uint32_t site, const void *destination,
                                         const void *barrier, std::optional<uint32_t> mask) {
  auto ownerOf = [&](const void *address) { return memory.ownerOf(address).value_or(rank); };
  if (!mask) {
    unsigned owner = ownerOf(destination);
    if (ownerOf(barrier) == owner)
      return {owner};
    memory.findings.add(FindingKind::BarrierMisuse, site, [&] {
      return describeThread(thread) + " has a copy to " + memory.describeBlock(owner) +
             " announced by an mbarrier of " + memory.describeBlock(ownerOf(barrier));
    });
    return {};
  }
  std::vector<unsigned> targets;
  for (uint32_t left = *mask; left; left &= left - 1)
    targets.push_back(unsigned(__builtin_ctz(left)));
  unsigned blocks = cluster.shape.blocks();
  if (targets.empty() || targets.back() >= blocks) {
    memory.findings.add(FindingKind::AbsentBlock, site, [&] {
      return describeThread(thread) + " copies to " +
             (targets.empty() ? "no block" : "block " + std::to_string(targets.back())) +
             " of a cluster of " + std::to_string(blocks);
    });
    targets.erase(std::remove_if(targets.begin(), targets.end(),
                                 [&](unsigned target) { return target >= blocks; }),
                  targets.end());
  }
  return targets;
}

/// The same place in the shared memory of another block, if it lies in one's at all.
uint8_t *Block::placeIn(unsigned target, uint8_t *address) const {
  std::optional<unsigned> owner = memory.ownerOf(address);
  return owner ? memory.shared(target) + (address - memory.shared(*owner)) : address;
}

void Block::bulkCopy(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                     void *address, uint32_t size, std::optional<uint32_t> mask) {
  Access access = accessOf(thread, site);
  bool isRead = false;
  for (unsigned target : copyTargets(thread, site, destination, address, mask)) {
    Block &block = cluster.block(target);
    uint8_t *to = placeIn(target, destination);
    MemoryBarrier *barrier = block.findBarrier(thread, site, memory.sharedOffset(address));
    if (!barrier || !isBulkSize(thread, site, size) ||
        !memory.startCopy(access, to, size, kBulkAlignment))
      return;
    if (!isRead && memory.accessRow(access, const_cast<uint8_t *>(source), size, AccessKind::Read,
                                    kBulkAlignment) != source)
      return;
    isRead = true;
    block.announce(
        {{{to, source, size, 0, size}}, access.clock.warp, access.clock.now(), true, false},
        *barrier);
  }
}

void Block::announce(const Transfer &transfer, MemoryBarrier &barrier) {
  fruitlessTests = 0;
  bool early = landsEarly();
  if (early)
    deliver(transfer, barrier);
  else
    barrier.late.push_back(transfer);
  // Late data comes when somebody waits for it; those who wait already will not ask again.
  if (early || anybody(barrier.waiting))
    advance(barrier);
}

void Block::bulkStore(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                      uint32_t size) {
  Access access = accessOf(thread, site);
  auto fencedAt = [&](unsigned warp, unsigned lane) { return this->fencedAt(warp, lane); };
  if (!isBulkSize(thread, site, size) ||
      memory.readByProxy(access, const_cast<uint8_t *>(source), size, kBulkAlignment, fencedAt) !=
          source ||
      memory.accessRow(access, destination, size, AccessKind::Write, kBulkAlignment) != destination)
    return;
  AsyncCopy copy{destination, source, size, size, site, false};
  if (landsEarly())
    copy.land();
  thread.stores.issue(copy);
}

void Block::waitStores(Thread &thread, uint32_t pending) {
  thread.stores.wait(pending, [](AsyncCopy &copy) { copy.land(); });
}
