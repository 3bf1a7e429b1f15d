// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async.bulk: one thread asks for a copy. Of one into shared memory an mbarrier announces the
// arrival; one out of it is waited for by groups.

#include "Block.h"

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

void Block::bulkCopy(Thread &thread, uint32_t site, uint8_t *destination, const uint8_t *source,
                     void *address, uint32_t size) {
  MemoryBarrier *barrier = barrierAt(thread, site, address);
  Access access = accessOf(thread, site);
  if (!barrier || !isBulkSize(thread, site, size) ||
      !memory.startCopy(access, destination, size, kBulkAlignment) ||
      memory.accessRow(access, const_cast<uint8_t *>(source), size, AccessKind::Read,
                       kBulkAlignment) != source)
    return;
  announce({{{destination, source, size, 0, size}},
            thread.warp,
            access.clock.seen[thread.warp],
            true,
            false},
           *barrier);
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
  auto fencedAt = [&](unsigned warp, unsigned lane) { return warps[warp].fenced[lane]; };
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
