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
      buffers(withConstants(program, launch)), lastBuffers(program.sites.size()), grid(launch.grid),
      blockSize(launch.block), warps(warps) {
  if (checks(CheckRaces))
    globalShadow = std::make_unique<GlobalShadow>(buffers);
}

std::string Memory::error() const {
  if (!window.valid())
    return "no room below 2 GiB for shared memory";
  if (globalShadow && !globalShadow->valid())
    return "no memory for the checks of races";
  return "";
}

void Memory::startBlock(uint64_t index) {
  std::memset(window.data(), 0xcd, sharedBytes);
  if (!checks(CheckRaces))
    return;
  sharedShadow.reset(sharedBytes, warps);
  globalShadow->startBlock(index);
}

Memory::Place Memory::search(const Access &access, const uint8_t *address, uint32_t size) {
  for (uint32_t i = 0; i < buffers.size(); ++i) {
    size_t offset = size_t(address - buffers[i].data);
    if (offset < buffers[i].size && size <= buffers[i].size - offset) {
      lastBuffers[access.site] = i;
      return {Space::Buffer, offset, i};
    }
  }
  for (const LocalArray &local : access.thread.locals) {
    size_t offset = size_t(address - local.data);
    if (offset < local.size && size <= local.size - offset)
      return {Space::Local, offset, 0};
  }
  return {Space::Nowhere, 0, 0};
}

bool Memory::startCopy(const Access &access, void *address, uint32_t size, uint32_t alignment) {
  Place place = find(access, address, size);
  if (!admit(access, place, address, size, AccessKind::Write, alignment))
    return false;
  if (place.space != Space::Shared) {
    reportBounds(access, address, size, AccessKind::Write);
    return false;
  }
  if (checks(CheckRaces))
    if (auto conflict = sharedShadow.writeLater(access.who(), uint32_t(place.offset), size))
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

void Memory::countRequest(uint32_t site, void *const *addresses, unsigned count, uint32_t size) {
  if (!checks(CheckTraffic))
    return;
  uint64_t values[32];
  for (unsigned i = 0; i < count; ++i)
    values[i] = uint64_t(addresses[i]);
  traffic.addRequest(site, values, count, size, true);
}

void Memory::finishRead(const Access &access, const WarpClock &begin, const void *address,
                        uint32_t size) {
  uint32_t offset = window.offset(address);
  if (!checks(CheckRaces) || offset + size > sharedBytes)
    return; // a read out of bounds was reported when it began
  // What was written in between is not known to the clock of the beginning.
  if (auto conflict = sharedShadow.check({&begin, access.thread.lane}, offset, size))
    report(access, *conflict, false);
  sharedShadow.note(access.who(), offset, size);
}

void Memory::reportBounds(const Access &access, const void *address, uint32_t size,
                          AccessKind kind) {
  bool writes = !onlyReads(kind);
  findings.add(writes ? FindingKind::OutOfBoundsWrite : FindingKind::OutOfBoundsRead, access.site,
               [&] {
                 return describeThread(access.thread) + " " + verb(writes) + std::to_string(size) +
                        " bytes at " + describePlace(access.thread, address);
               });
}

void Memory::reportAlignment(const Access &access, const void *address, uint32_t size,
                             uint32_t alignment) {
  findings.add(FindingKind::Misaligned, access.site, [&] {
    return describeThread(access.thread) + " accesses " + std::to_string(size) + " bytes at " +
           describePlace(access.thread, address) + ", which is not a multiple of " +
           std::to_string(alignment);
  });
}

void Memory::reportReadOnly(const Access &access, const void *address) {
  findings.add(FindingKind::ReadOnlyWrite, access.site, [&] {
    return describeThread(access.thread) + " writes " + describePlace(access.thread, address) +
           ", an input";
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

void Memory::report(const Access &access, uint32_t buffer, const GlobalConflict &conflict,
                    bool writes) {
  findings.add(conflict.kind, access.site, [&] {
    std::string text = describeThread(access.thread) + " " + verb(writes) + buffers[buffer].name +
                       "+" + std::to_string(conflict.offset) +
                       (conflict.otherWrote ? ", written" : ", read");
    if (conflict.kind == FindingKind::BlockRace)
      text += " by block " + unravel(conflict.otherBlock, grid);
    else
      text += " by thread " + unravel(conflict.otherWarp * 32 + conflict.otherLane, blockSize);
    return text + ", with nothing between that orders them";
  });
}

std::string Memory::describePlace(const Thread &thread, const void *place) const {
  auto *address = static_cast<const uint8_t *>(place);
  if (window.contains(address))
    return "shared+" + std::to_string(window.offset(address)) + " of " +
           std::to_string(sharedBytes) + " bytes";
  // The buffer that the address was most likely meant to be in: the nearest within a megabyte.
  struct Nearest {
    std::string name;
    const uint8_t *data;
    size_t size;
  };
  std::optional<Nearest> nearest;
  ptrdiff_t distance = 1 << 20;
  auto consider = [&](const std::string &name, const uint8_t *data, size_t size) {
    ptrdiff_t away = std::max<ptrdiff_t>({data - address, address - (data + size), 0});
    if (away < distance) {
      distance = away;
      nearest = Nearest{name, data, size};
    }
  };
  for (const Buffer &buffer : buffers)
    consider(buffer.name, buffer.data, buffer.size);
  for (const LocalArray &local : thread.locals)
    consider("local", local.data, local.size);
  if (!nearest)
    return "an address in no buffer";
  ptrdiff_t offset = address - nearest->data;
  return nearest->name + (offset < 0 ? "" : "+") + std::to_string(offset) + " of " +
         std::to_string(nearest->size) + " bytes";
}
