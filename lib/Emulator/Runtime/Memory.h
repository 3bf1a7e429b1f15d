// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// All memory that the blocks of a cluster can reach, and the checks of accesses to it.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H
#define QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H

#include "ClusterShape.h"
#include "RemoteAccesses.h"
#include "Scheduler.h"
#include "SharedWindow.h"
#include "qllm/Emulator/Runtime/Findings.h"
#include "qllm/Emulator/Runtime/GlobalShadow.h"
#include "qllm/Emulator/Runtime/SharedShadow.h"
#include "qllm/Emulator/Runtime/Traffic.h"

namespace qllm::emu {

/// `block (1,0,0) thread (5,0,0)`
std::string describeThread(const ThreadContext &thread);

/// One access of a thread at a site.
struct Access {
  const Thread &thread;
  const WarpClock &clock;
  uint32_t site;
  Accessor who() const { return {&clock, thread.lane}; }
};

class Memory {
public:
  /// For blocks of so many warps.
  Memory(const Program &program, const Launch &launch, unsigned warps);
  /// What it found no room for, or an empty text.
  std::string error() const;
  uint8_t *shared(unsigned block) const { return window.data(block); }
  uint32_t sharedOffset(const void *address) const { return window.offset(address); }
  /// The rank of the block in whose shared memory the address lies.
  std::optional<unsigned> ownerOf(const void *address) const {
    return window.contains(address) ? std::optional(window.block(address)) : std::nullopt;
  }

  /// Shared memory holds nothing that a kernel could rely on.
  void startCluster(uint64_t index);
  /// A thread reaches into the memory of another block in some way, which is a finding if that may
  /// not be there. The block may not end before it knows of it, if it `awaits` it.
  void reach(const Access &access, unsigned block, bool awaits = true);
  /// The block with that rank has ended, and knows so much.
  void endBlock(unsigned block, const VectorClock &knows);
  /// `block (1,0,0)`
  std::string describeBlock(unsigned rank) const;
  /// `shared+16`, and of which block if it is not the thread's own.
  std::string describeShared(const ThreadContext &thread, unsigned block, uint32_t offset) const;

  /// Notes an access and counts what is wrong with it. Where it may go: `address`, or a place that
  /// takes anything when nothing of the kernel's is there. A request of less than natural alignment
  /// says so in `alignment`.
  void *access(const Access &access, void *address, uint32_t size, AccessKind kind,
               uint32_t alignment = ~0u);
  /// A fence of the thread for all memory; what an atomic at the address hands over and takes up.
  void fence(WarpClock &clock, unsigned lane) {
    if (checks(CheckRaces))
      globalShadow->fence(clock, lane);
  }
  void synchronize(WarpClock &clock, unsigned lane, const void *address, uint32_t order) {
    if (checks(CheckRaces))
      globalShadow->synchronize(clock, lane, uint64_t(address), order);
  }
  bool contains(const Access &access, const void *address, uint32_t size) {
    return find(access, address, size).space != Space::Nowhere;
  }
  /// The same for one lane of a request that is counted as a whole; and for a write that lands
  /// later.
  void *accessRow(const Access &access, void *address, uint32_t size, AccessKind kind,
                  uint32_t alignment = ~0u);
  bool startCopy(const Access &access, void *address, uint32_t size, uint32_t alignment = ~0u);

  /// A read of shared memory through the asynchronous proxy; `fencedAt(warp, lane)` as
  /// SharedShadow::readByProxy wants it.
  template <typename Fenced>
  void *readByProxy(const Access &access, void *address, uint32_t size, uint32_t alignment,
                    Fenced fencedAt);
  /// Whether such a read finds nothing wrong.
  template <typename Fenced>
  bool mayReadByProxy(const Access &access, const void *address, uint32_t size, Fenced fencedAt);
  /// Such a read has ended: nothing may have been written since `begin`, and who writes from now on
  /// has to know of `access`.
  void finishRead(const Access &access, const WarpClock &begin, const void *address, uint32_t size);

  void landCopy(const Access &access, void *address, uint32_t size);
  /// The data is there for those who wait for its barrier.
  void finishCopy(void *address, uint32_t size);

  bool checks(Check check) const { return enabled & check; }
  /// One lane's part of a request; a whole request.
  void count(const Access &access, const void *address, uint32_t size) {
    if (checks(CheckTraffic))
      traffic.add(access.site, access.clock.warp, access.thread.lane, uint64_t(address), size,
                  window.contains(address));
  }
  void countRequest(uint32_t site, void *const *addresses, unsigned count, uint32_t size);
  void flushTraffic(unsigned block) { traffic.flush(block * warps, warps); }

  Findings findings;
  TrafficLog traffic;

private:
  enum class Space { Shared, Buffer, Local, Nowhere };
  struct Place {
    Space space;
    uint64_t offset; ///< in shared memory or the buffer
    uint32_t index;  ///< of the block in its cluster, or of the buffer
  };
  Place find(const Access &access, const void *address, uint32_t size);
  Place search(const Access &access, const uint8_t *address, uint32_t size);
  /// Whether an access may be made there.
  bool admit(const Access &access, const Place &place, const void *address, uint32_t size,
             AccessKind kind, uint32_t alignment);
  void order(const Access &access, const Place &place, uint32_t size, AccessKind kind);
  /// Both of these for a place that has been found; where the access may go.
  void *accessAt(const Access &access, const Place &place, void *address, uint32_t size,
                 AccessKind kind, uint32_t alignment);

  void reportBounds(const Access &access, const void *address, uint32_t size, AccessKind kind);
  void reportAlignment(const Access &access, const void *address, uint32_t size,
                       uint32_t alignment);
  void reportReadOnly(const Access &access, const void *address);
  void report(const Access &access, unsigned block, const Conflict &conflict, bool writes);
  void report(const Access &access, uint32_t buffer, const GlobalConflict &conflict, bool writes);
  std::string describePlace(const Thread &thread, const void *address) const;
  /// ` by thread (5,0,0)`, and of which block if it is not the other's.
  std::string describeOther(const ThreadContext &thread, unsigned warp,
                            std::optional<unsigned> lane) const;

  uint32_t enabled;
  ClusterShape shape;
  SharedWindow window;
  size_t sharedBytes;
  std::vector<Buffer> buffers;
  /// By site, the buffer that was accessed last there: most likely the next one too.
  std::vector<uint32_t> lastBuffers;
  Sizes blockSize;
  unsigned warps; ///< of a block
  uint64_t cluster = 0;
  std::vector<SharedShadow> sharedShadows; ///< by block
  RemoteAccesses remote;
  std::unique_ptr<GlobalShadow> globalShadow;
  /// Where accesses go that have no place.
  alignas(64) uint8_t nowhere[256];
};

// Every access of every thread comes through here: what is almost always the case is inline.

inline Memory::Place Memory::find(const Access &access, const void *address, uint32_t size) {
  if (window.contains(address)) {
    uint64_t offset = window.offset(address);
    return {offset + size <= sharedBytes ? Space::Shared : Space::Nowhere, offset,
            window.block(address)};
  }
  auto *bytes = static_cast<const uint8_t *>(address);
  uint32_t last = lastBuffers[access.site];
  if (last < buffers.size()) {
    const Buffer &buffer = buffers[last];
    uint64_t offset = uint64_t(bytes - buffer.data);
    if (offset < buffer.size && size <= buffer.size - offset)
      return {Space::Buffer, offset, last};
  }
  return search(access, bytes, size);
}

inline void Memory::order(const Access &access, const Place &place, uint32_t size,
                          AccessKind kind) {
  if (place.space == Space::Buffer && globalShadow->notes(place.index)) {
    if (auto conflict = globalShadow->access(access.who(), place.index, place.offset, size, kind))
      report(access, place.index, *conflict, !onlyReads(kind));
  } else if (place.space == Space::Shared) {
    if (place.index != access.clock.block)
      reach(access, place.index);
    SharedShadow &shadow = sharedShadows[place.index];
    auto offset = uint32_t(place.offset);
    if (auto conflict = kind == AccessKind::Read ? shadow.read(access.who(), offset, size)
                        : kind == AccessKind::Write
                            ? shadow.write(access.who(), offset, size)
                            : shadow.atomic(access.who(), offset, size, kind))
      report(access, place.index, *conflict, !onlyReads(kind));
  }
}

inline bool Memory::admit(const Access &access, const Place &place, const void *address,
                          uint32_t size, AccessKind kind, uint32_t alignment) {
  if (place.space == Space::Nowhere) {
    reportBounds(access, address, size, kind);
    return false;
  }
  alignment = std::min(alignment, size & -size);
  if (uintptr_t(address) & (alignment - 1))
    reportAlignment(access, address, size, alignment);
  if (place.space == Space::Buffer && !onlyReads(kind) && !buffers[place.index].writable) {
    reportReadOnly(access, address);
    return false;
  }
  return true;
}

inline void *Memory::accessAt(const Access &access, const Place &place, void *address,
                              uint32_t size, AccessKind kind, uint32_t alignment) {
  if (!admit(access, place, address, size, kind, alignment))
    return nowhere;
  if (checks(CheckRaces))
    order(access, place, size, kind);
  return address;
}

inline void *Memory::accessRow(const Access &access, void *address, uint32_t size, AccessKind kind,
                               uint32_t alignment) {
  return accessAt(access, find(access, address, size), address, size, kind, alignment);
}

inline void *Memory::access(const Access &access, void *address, uint32_t size, AccessKind kind,
                            uint32_t alignment) {
  Place place = find(access, address, size);
  void *to = accessAt(access, place, address, size, kind, alignment);
  if (to == address && place.space != Space::Local)
    count(access, address, size);
  return to;
}

template <typename Fenced>
bool Memory::mayReadByProxy(const Access &access, const void *address, uint32_t size,
                            Fenced fencedAt) {
  Place place = find(access, address, size);
  return place.space == Space::Shared &&
         (!checks(CheckRaces) || !sharedShadows[place.index].checkByProxy(
                                     access.who(), uint32_t(place.offset), size, fencedAt));
}

template <typename Fenced>
void *Memory::readByProxy(const Access &access, void *address, uint32_t size, uint32_t alignment,
                          Fenced fencedAt) {
  Place place = find(access, address, size);
  if (!admit(access, place, address, size, AccessKind::Read, alignment))
    return nowhere;
  if (place.space == Space::Shared && checks(CheckRaces))
    if (auto conflict = sharedShadows[place.index].readByProxy(access.who(), uint32_t(place.offset),
                                                               size, fencedAt))
      report(access, place.index, *conflict, false);
  return address;
}

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_MEMORY_H
