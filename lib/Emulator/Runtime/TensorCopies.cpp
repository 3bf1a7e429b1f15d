// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// cp.async.bulk.tensor into shared memory: one thread asks for a box, which an mbarrier announces,
// in its block or at the same place in several.

#include "Cluster.h"
#include "qllm/Emulator/Runtime/TensorMap.h"

using namespace qllm::emu;

namespace {
constexpr uint32_t kPieceBytes = 16, kMapAlignment = 64;
} // namespace

bool Block::isTensorMap(Thread &thread, uint32_t site, const TensorMap *map, uint32_t rank) {
  auto *bytes = const_cast<void *>(static_cast<const void *>(map));
  if (memory.accessRow(accessOf(thread, site), bytes, sizeof *map, AccessKind::Read,
                       kMapAlignment) != bytes)
    return false;
  std::string error;
  if (map->mark != TensorMap::kMark)
    error = "an address where no tensor map lies";
  else if (map->rank != rank)
    error = std::to_string(rank) + " coordinates with a tensor map of " +
            std::to_string(map->rank) + " dimensions";
  else if (std::string wrong = tensorMapError(*map); !wrong.empty())
    error = "a tensor map that cannot be: " + wrong;
  if (error.empty())
    return true;
  memory.findings.add(FindingKind::TensorMapMisuse, site,
                      [&] { return describeThread(thread) + " gives " + error; });
  return false;
}

void Block::tensorCopy(Thread &thread, uint32_t site, uint8_t *destination, const TensorMap *map,
                       void *address, const int32_t *coordinates, uint32_t coordinateCount,
                       std::optional<uint32_t> mask) {
  std::vector<unsigned> targets = copyTargets(thread, site, destination, address, mask);
  if (targets.empty() || !isTensorMap(thread, site, map, coordinateCount))
    return;
  Access access = accessOf(thread, site);
  uint32_t start = memory.sharedOffset(destination);
  if (start % map->alignment())
    memory.findings.add(FindingKind::Misaligned, site, [&] {
      return describeThread(thread) + " copies a box to shared+" + std::to_string(start) +
             ", which is not a multiple of " + std::to_string(map->alignment());
    });
  std::vector<BoxPiece> pieces = boxPieces(*map, coordinates);
  for (unsigned target : targets) {
    Block &block = cluster.block(target);
    MemoryBarrier *barrier = block.findBarrier(thread, site, memory.sharedOffset(address));
    if (!barrier)
      return;
    uint8_t *tile = placeIn(target, destination) - start;
    Transfer transfer{{}, access.clock.warp, access.clock.now(), true, false};
    for (const BoxPiece &piece : pieces) {
      uint8_t *to = tile + swizzled(start + piece.offset, map->swizzle);
      auto *from = const_cast<uint8_t *>(piece.source);
      bool isRead = from && target == targets.front(); // once for all
      if (!memory.startCopy(access, to, kPieceBytes, kPieceBytes) ||
          (isRead &&
           memory.accessRow(access, from, piece.last - piece.first, AccessKind::Read, 1) != from))
        return;
      transfer.pieces.push_back({to, from, kPieceBytes, piece.first, piece.last});
    }
    block.announce(transfer, *barrier);
  }
}
