// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stamps lie in memory that the system gives page by page when it is touched, so a large buffer
// costs what is used of it.

#include "qllm/Emulator/Runtime/GlobalShadow.h"

#include <sys/mman.h>

using namespace qllm::emu;

namespace {

template <typename Knowledge> void join(Knowledge &into, const Knowledge &from) {
  for (const auto &[cluster, clock] : from)
    into[cluster].join(clock);
}

unsigned threadOf(const WarpClock &clock, unsigned lane) { return clock.warp * 32 + lane; }

} // namespace

GlobalShadow::GlobalShadow(const std::vector<Buffer> &buffers, unsigned blocks, unsigned warps)
    : stamps(buffers.size()), blocks(blocks), warps(warps), releasedInside(blocks + 1) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    if (!buffers[i].writable)
      continue;
    size_t words = std::max<size_t>((buffers[i].size + 3) / 4, 1),
           bytes = 2 * words * sizeof(Stamp);
    void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
      hasMemory = false;
      return;
    }
    madvise(memory, bytes, MADV_HUGEPAGE); // fewer faults; that it may be refused does not matter
    auto *first = static_cast<Stamp *>(memory);
    stamps[i] = {first, first + words, bytes};
  }
}

GlobalShadow::~GlobalShadow() {
  for (const Stamps &buffer : stamps)
    if (buffer.writes)
      munmap(buffer.writes, buffer.bytes);
}

void GlobalShadow::startCluster(uint64_t index) {
  cluster = uint32_t(index);
  firstBlock = cluster * blocks;
  known.clear();
  fences.clear();
  for (auto &locations : releasedInside)
    locations.clear();
}

bool GlobalShadow::ordered(const Accessor &who, const Stamp &stamp) const {
  unsigned warp = warpOf(stamp);
  if (stamp.block - firstBlock >= blocks) {
    auto other = known.find(stamp.block / blocks);
    return other != known.end() && stamp.time <= other->second[warp];
  }
  const WarpClock &clock = *who.clock;
  if (warp != clock.warp)
    return clock.knows(warp, stamp.time);
  return stamp.lane == who.lane || stamp.time < clock.synchronized;
}

void GlobalShadow::pass(const WarpClock &clock, Knowledge &to) const {
  join(to, known);
  to[cluster].join(clock.seen);
}

void GlobalShadow::acquireOwn(WarpClock &clock, const Knowledge &from) const {
  auto own = from.find(cluster);
  if (own != from.end())
    clock.acquire(own->second);
}

void GlobalShadow::fence(WarpClock &clock, unsigned lane) {
  Fences &own = fences[threadOf(clock, lane)];
  join(known, own.observed);
  acquireOwn(clock, own.observed);
  pass(clock, own.released);
}

void GlobalShadow::synchronizeInCluster(WarpClock &clock, uint64_t address, uint32_t order) {
  VectorClock &location = releasedInside[order & OnlyInCluster ? blocks : clock.block][address];
  if (order & OrderAcquire)
    clock.acquire(location);
  if (order & OrderRelease)
    location.join(clock.seen);
}

/// An atomic takes up what the location was given before, and passes on what its thread knows of
/// this cluster and others: at once, or where a fence comes after and has come before.
void GlobalShadow::synchronize(WarpClock &clock, unsigned lane, uint64_t address, uint32_t order) {
  if (order & (OnlyInBlock | OnlyInCluster))
    return synchronizeInCluster(clock, address, order);
  Knowledge &location = released[address];
  Fences &own = fences[threadOf(clock, lane)];
  if (!(order & OnlyWrites)) {
    join(order & OrderAcquire ? known : own.observed, location);
    if (order & OrderAcquire)
      acquireOwn(clock, location);
  }
  if (order & OnlyReads)
    return;
  if (order & OrderRelease)
    pass(clock, location);
  else
    join(location, own.released);
}

GlobalConflict GlobalShadow::clash(const Accessor &who, const Stamp &stamp, uint64_t word,
                                   bool wrote) const {
  FindingKind finding =
      stamp.block == blockOf(*who.clock) ? FindingKind::Race : FindingKind::BlockRace;
  return {finding, word * 4, stamp.block, stamp.warp, stamp.lane, wrote};
}

std::optional<GlobalConflict> GlobalShadow::check(const Accessor &who, const Stamps &stamps,
                                                  uint64_t offset, uint32_t size,
                                                  AccessKind kind) const {
  bool atomic = isAtomic(kind), reads = onlyReads(kind);
  for (uint64_t word = offset / 4; word < lastWord(offset, size); ++word) {
    uint8_t bytes = bytesOfWord(word, offset, size);
    auto clashes = [&](const Stamp &stamp) { return stamp.bytes & bytes && !ordered(who, stamp); };
    const Stamp &write = stamps.writes[word], &read = stamps.reads[word];
    if (clashes(write) && !(atomic && write.atomic))
      return clash(who, write, word, true);
    if (!reads && clashes(read) && !(atomic && read.atomic))
      return clash(who, read, word, false);
  }
  return std::nullopt;
}

std::optional<GlobalConflict> GlobalShadow::access(const Accessor &who, size_t buffer,
                                                   uint64_t offset, uint32_t size,
                                                   AccessKind kind) {
  if (!notes(buffer))
    return std::nullopt;
  bool atomic = isAtomic(kind), reads = onlyReads(kind);
  const Stamps &words = stamps[buffer];
  uint64_t begin = offset / 4, end = lastWord(offset, size);
  bool alone = true;
  for (uint64_t word = begin; word < end; ++word)
    alone &= quiet(who, words.writes[word]) && (reads || quiet(who, words.reads[word]));
  std::optional<GlobalConflict> conflict;
  if (!alone)
    conflict = check(who, words, offset, size, kind);
  const WarpClock &clock = *who.clock;
  Stamp now{blockOf(clock),         15,           atomic, clock.now() & 0x3fffff,
            clock.warpInBlock & 31, who.lane & 31};
  bool whole = (offset | size) % 4 == 0;
  Stamp *noted = reads ? words.reads : words.writes;
  for (uint64_t word = begin; word < end; ++word) {
    if (!whole)
      now.bytes = bytesOfWord(word, offset, size) & 15;
    noted[word] = now;
  }
  return conflict;
}
