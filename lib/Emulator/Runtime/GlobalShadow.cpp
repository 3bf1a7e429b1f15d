// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cells lie in memory that the system gives page by page when it is touched, so a large buffer
// costs what is used of it.

#include "qllm/Emulator/Runtime/GlobalShadow.h"

#include <sys/mman.h>

using namespace qllm::emu;

namespace {

template <typename Knowledge> void join(Knowledge &into, const Knowledge &from) {
  for (const auto &[block, clock] : from)
    into[block].join(clock);
}

unsigned threadOf(const Accessor &who) { return who.clock->warp * 32 + who.lane; }

} // namespace

GlobalShadow::GlobalShadow(const std::vector<Buffer> &buffers) : cells(buffers.size()) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i].writable)
      continue;
    size_t bytes = (buffers[i].size + 3) / 4 * sizeof(Cell);
    void *memory = mmap(nullptr, std::max<size_t>(bytes, 1), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory != MAP_FAILED)
      cells[i] = {static_cast<Cell *>(memory), std::max<size_t>(bytes, 1)};
  }
}

GlobalShadow::~GlobalShadow() {
  for (const Cells &buffer : cells)
    if (buffer.first)
      munmap(buffer.first, buffer.bytes);
}

void GlobalShadow::startBlock(uint64_t index) {
  block = uint32_t(index) + 1;
  known.clear();
  fences.clear();
}

bool GlobalShadow::ordered(const Accessor &who, const Stamp &stamp) const {
  if (stamp.block == 0)
    return true;
  if (stamp.block != block) {
    auto other = known.find(stamp.block);
    return other != known.end() && stamp.time <= other->second[stamp.warp];
  }
  const WarpClock &clock = *who.clock;
  if (stamp.warp != clock.warp)
    return stamp.time <= clock.seen[stamp.warp];
  return stamp.lane == who.lane || stamp.time < clock.synchronized;
}

void GlobalShadow::pass(const Accessor &who, Knowledge &to) const {
  join(to, known);
  to[block].join(who.clock->seen);
}

void GlobalShadow::fence(const Accessor &who) {
  Fences &own = fences[threadOf(who)];
  join(known, own.observed);
  pass(who, own.released);
}

/// An atomic takes up what the location was given before, and passes on what its thread knows of
/// this block and others: at once, or where a fence comes after and has come before.
void GlobalShadow::synchronize(const Accessor &who, uint64_t address, uint32_t order) {
  Knowledge &location = released[address];
  Fences &own = fences[threadOf(who)];
  join(order & OrderAcquire ? known : own.observed, location);
  if (order & OrderRelease)
    pass(who, location);
  else
    join(location, own.released);
}

std::optional<GlobalConflict> GlobalShadow::access(const Accessor &who, size_t buffer,
                                                   uint64_t offset, uint32_t size, AccessKind kind,
                                                   uint32_t order) {
  if (!cells[buffer].first)
    return std::nullopt; // only ever read
  if (kind == AccessKind::Atomic)
    synchronize(who, uint64_t(buffer) << 48 | offset, order);
  std::optional<GlobalConflict> first;
  auto clash = [&](const Stamp &stamp, uint64_t word, bool wrote) {
    if (first || ordered(who, stamp))
      return;
    FindingKind finding = stamp.block == block ? FindingKind::Race : FindingKind::BlockRace;
    first = GlobalConflict{finding, word * 4, stamp.block - 1u, stamp.warp, stamp.lane, wrote};
  };
  Stamp now{block, who.clock->seen[who.clock->warp] & 0x3fffff, who.clock->warp & 31,
            who.lane & 31};
  for (uint64_t word = offset / 4; word < (offset + size + 3) / 4; ++word) {
    Cell &cell = cells[buffer].first[word];
    uint64_t begin = std::max(offset, word * 4) - word * 4,
             end = std::min(offset + size, word * 4 + 4) - word * 4;
    uint8_t bytes = uint8_t((1u << end) - (1u << begin));
    bool bothAtomic = kind == AccessKind::Atomic && cell.atomic;
    if (cell.written & bytes && !bothAtomic)
      clash(cell.write, word, true);
    if (kind == AccessKind::Read) {
      cell.readBytes = bytes;
      cell.read = now;
      continue;
    }
    if (cell.readBytes & bytes)
      clash(cell.read, word, false);
    cell.write = now;
    cell.written = bytes;
    cell.atomic = kind == AccessKind::Atomic;
  }
  return first;
}
