// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which memory an address belongs to, and what may be wrong with an access to it.

#include "Memory.h"

#include <cstring>

using namespace qllm::emu;

namespace {

std::string triple(uint64_t x, uint64_t y, uint64_t z) {
  return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
}

std::string unravel(uint64_t index, const std::array<uint32_t, 3> &sizes) {
  return triple(index % sizes[0], index / sizes[0] % sizes[1], index / sizes[0] / sizes[1]);
}

std::vector<Buffer> withConstants(const Program &program, const Launch &launch) {
  std::vector<Buffer> all = launch.buffers;
  all.insert(all.end(), program.constants.begin(), program.constants.end());
  return all;
}

const char *verb(bool writes) { return writes ? "writes " : "reads "; }

} // namespace

std::string qllm::emu::describeThread(const ThreadContext &thread) {
  const uint32_t *block = thread.blockId, *id = thread.threadId;
  return "block " + triple(block[0], block[1], block[2]) + " thread " + triple(id[0], id[1], id[2]);
}

Memory::Memory(const Program &program, const Launch &launch, unsigned warps)
    : findings(program.sites.size()), traffic(program.sites.size(), warps), enabled(launch.checks),
      sharedBytes(program.staticSharedBytes + launch.dynamicSharedBytes),
      buffers(withConstants(program, launch)), grid(launch.grid), blockSize(launch.block),
      warps(warps) {
  if (checks(CheckRaces))
    globalShadow = std::make_unique<GlobalShadow>(buffers);
}

void Memory::startBlock(uint64_t index) {
  std::memset(window.data(), 0xcd, sharedBytes);
  if (!checks(CheckRaces))
    return;
  sharedShadow.reset(sharedBytes, warps);
  globalShadow->startBlock(index);
}

Memory::Space Memory::classify(const Thread &thread, const uint8_t *address, uint32_t size) {
  if (window.contains(address))
    return window.offset(address) + size <= sharedBytes ? Space::Shared : Space::Nowhere;
  auto inside = [&](const Buffer &buffer) {
    size_t offset = size_t(address - buffer.data);
    return offset < buffer.size && size <= buffer.size - offset;
  };
  if (lastBuffer < buffers.size() && inside(buffers[lastBuffer]))
    return Space::Buffer;
  for (size_t i = 0; i < buffers.size(); ++i)
    if (inside(buffers[i])) {
      lastBuffer = i;
      return Space::Buffer;
    }
  return thread.fiber.stack().contains(address) ? Space::Local : Space::Nowhere;
}

bool Memory::reachable(const Access &access, uint8_t *address, uint32_t size, AccessKind kind,
                       Space &space, uint32_t alignment) {
  space = classify(access.thread, address, size);
  if (space == Space::Nowhere) {
    reportBounds(access, address, size, kind);
    return false;
  }
  alignment = std::min(alignment, size & -size);
  if (uintptr_t(address) & (alignment - 1))
    findings.add(FindingKind::Misaligned, access.site, [&] {
      return describeThread(access.thread) + " accesses " + std::to_string(size) + " bytes at " +
             describePlace(address) + ", which is not a multiple of " + std::to_string(alignment);
    });
  if (space == Space::Buffer && kind != AccessKind::Read && !buffers[lastBuffer].writable) {
    findings.add(FindingKind::ReadOnlyWrite, access.site, [&] {
      return describeThread(access.thread) + " writes " + describePlace(address) + ", an input";
    });
    return false;
  }
  return true;
}

void Memory::order(const Access &access, uint8_t *address, uint32_t size, AccessKind kind,
                   Space space) {
  if (!checks(CheckRaces))
    return;
  bool writes = kind != AccessKind::Read;
  if (space == Space::Buffer) {
    uint64_t offset = uint64_t(address - buffers[lastBuffer].data);
    if (auto conflict =
            globalShadow->access(access.who(), lastBuffer, offset, size, kind, access.order))
      report(access, *conflict, writes);
  } else if (space == Space::Shared && kind != AccessKind::Atomic) {
    uint32_t offset = window.offset(address);
    auto conflict = writes ? sharedShadow.write(access.who(), offset, size)
                           : sharedShadow.read(access.who(), offset, size);
    if (conflict)
      report(access, *conflict, writes);
  }
}

void *Memory::access(const Access &access, void *address, uint32_t size, AccessKind kind,
                     uint32_t alignment) {
  void *place = accessRow(access, address, size, kind, alignment);
  if (place == address && !access.thread.fiber.stack().contains(address))
    count(access, address, size);
  return place;
}

void *Memory::accessRow(const Access &access, void *address, uint32_t size, AccessKind kind,
                        uint32_t alignment) {
  auto *bytes = static_cast<uint8_t *>(address);
  Space space;
  if (!reachable(access, bytes, size, kind, space, alignment))
    return nowhere;
  order(access, bytes, size, kind, space);
  return address;
}

bool Memory::startCopy(const Access &access, void *address, uint32_t size, uint32_t alignment) {
  auto *bytes = static_cast<uint8_t *>(address);
  Space space;
  if (!reachable(access, bytes, size, AccessKind::Write, space, alignment))
    return false;
  if (space != Space::Shared) {
    reportBounds(access, bytes, size, AccessKind::Write);
    return false;
  }
  if (checks(CheckRaces))
    if (auto conflict = sharedShadow.writeLater(access.who(), window.offset(address), size))
      report(access, *conflict, true);
  return true;
}

void Memory::landCopy(const Access &access, void *address, uint32_t size) {
  if (checks(CheckRaces))
    sharedShadow.land(access.who(), window.offset(address), size);
}

void Memory::finishCopy(void *address, uint32_t size) {
  if (checks(CheckRaces))
    sharedShadow.finish(window.offset(address), size);
}

void Memory::count(const Access &access, const void *address, uint32_t size) {
  if (checks(CheckTraffic))
    traffic.add(access.site, access.thread.warp, access.thread.lane, uint64_t(address), size,
                window.contains(address));
}

void Memory::countRequest(uint32_t site, void *const *addresses, unsigned count, uint32_t size) {
  if (!checks(CheckTraffic))
    return;
  uint64_t values[32];
  for (unsigned i = 0; i < count; ++i)
    values[i] = uint64_t(addresses[i]);
  traffic.addRequest(site, values, count, size, true);
}

void Memory::reportBounds(const Access &access, const uint8_t *address, uint32_t size,
                          AccessKind kind) {
  bool writes = kind != AccessKind::Read;
  findings.add(writes ? FindingKind::OutOfBoundsWrite : FindingKind::OutOfBoundsRead, access.site,
               [&] {
                 return describeThread(access.thread) + " " + verb(writes) + std::to_string(size) +
                        " bytes at " + describePlace(address);
               });
}

void Memory::report(const Access &access, const Conflict &conflict, bool writes) {
  findings.add(conflict.kind, access.site, [&] {
    std::string text = describeThread(access.thread) + " " + verb(writes) + "shared+" +
                       std::to_string(conflict.offset);
    switch (conflict.kind) {
    case FindingKind::UninitializedRead:
      return text + ", which nobody has written";
    case FindingKind::CopyNotWaitedFor:
      text += ", into which a copy is under way";
      break;
    case FindingKind::MissingProxyFence:
      text += " as an asynchronous operation, without a proxy fence since it was written";
      break;
    default:
      text += conflict.otherWrote ? ", written" : ", read";
    }
    if (!conflict.otherWarp)
      return text;
    if (!conflict.otherLane)
      return text + " by several threads of warp " + std::to_string(*conflict.otherWarp);
    unsigned other = *conflict.otherWarp * 32 + *conflict.otherLane;
    text += conflict.kind == FindingKind::CopyNotWaitedFor ? " that was issued by thread "
                                                           : " by thread ";
    return text + unravel(other, blockSize) +
           (conflict.kind == FindingKind::Race ? ", with no barrier between" : "");
  });
}

void Memory::report(const Access &access, const GlobalConflict &conflict, bool writes) {
  findings.add(conflict.kind, access.site, [&] {
    std::string text = describeThread(access.thread) + " " + verb(writes) +
                       buffers[lastBuffer].name + "+" + std::to_string(conflict.offset) +
                       (conflict.otherWrote ? ", written" : ", read");
    if (conflict.kind == FindingKind::BlockRace)
      text += " by block " + unravel(conflict.otherBlock, grid);
    else
      text += " by thread " + unravel(conflict.otherWarp * 32 + conflict.otherLane, blockSize);
    return text + ", with nothing between that orders them";
  });
}

std::string Memory::describePlace(const uint8_t *address) const {
  if (window.contains(address))
    return "shared+" + std::to_string(window.offset(address)) + " of " +
           std::to_string(sharedBytes) + " bytes";
  // The buffer that the address was most likely meant to be in: the nearest within a megabyte.
  const Buffer *nearest = nullptr;
  ptrdiff_t distance = 1 << 20;
  for (const Buffer &buffer : buffers) {
    ptrdiff_t before = buffer.data - address, after = address - (buffer.data + buffer.size);
    ptrdiff_t away = std::max<ptrdiff_t>({before, after, 0});
    if (away < distance) {
      distance = away;
      nearest = &buffer;
    }
  }
  if (!nearest)
    return "an address in no buffer";
  ptrdiff_t offset = address - nearest->data;
  return nearest->name + (offset < 0 ? "" : "+") + std::to_string(offset) + " of " +
         std::to_string(nearest->size) + " bytes";
}
