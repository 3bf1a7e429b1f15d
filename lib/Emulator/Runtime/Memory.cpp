// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which memory an address belongs to, and what may be wrong with an access to it.

#include "Memory.h"

#include <cstring>

using namespace qllm::emu;

namespace {

std::string triple(const uint32_t *place) {
  return "(" + std::to_string(place[0]) + "," + std::to_string(place[1]) + "," +
         std::to_string(place[2]) + ")";
}

std::string tripleAt(uint64_t index, const Sizes &sizes) {
  return triple(unravel(index, sizes).data());
}

std::vector<Buffer> withConstants(const Program &program, const Launch &launch) {
  std::vector<Buffer> all = launch.buffers;
  all.insert(all.end(), program.constants.begin(), program.constants.end());
  return all;
}

const char *verb(bool writes) { return writes ? "writes " : "reads "; }

} // namespace

std::string qllm::emu::describeThread(const ThreadContext &thread) {
  return "block " + triple(thread.blockId) + " thread " + triple(thread.threadId);
}

Memory::Memory(const Program &program, const Launch &launch, unsigned warps)
    : findings(program.sites.size()),
      traffic(program.sites.size(), ClusterShape(program, launch).blocks() * warps),
      enabled(launch.checks), shape(program, launch), window(shape.blocks()),
      sharedBytes(program.staticSharedBytes + launch.dynamicSharedBytes),
      buffers(withConstants(program, launch)), lastBuffers(program.sites.size()),
      blockSize(launch.block), warps(warps), sharedShadows(shape.blocks()) {
  if (checks(CheckRaces))
    globalShadow = std::make_unique<GlobalShadow>(buffers, shape.blocks(), warps);
}

std::string Memory::error() const {
  if (!window.valid())
    return "no room below 2 GiB for shared memory";
  if (globalShadow && !globalShadow->valid())
    return "no memory for the checks of races";
  return "";
}

void Memory::startCluster(uint64_t index) {
  cluster = index;
  for (unsigned block = 0; block < sharedShadows.size(); ++block) {
    std::memset(window.data(block), 0xcd, sharedBytes);
    if (checks(CheckRaces))
      sharedShadows[block].reset(sharedBytes, warps, block * warps);
  }
  remote.reset(unsigned(sharedShadows.size()), warps);
  if (checks(CheckRaces))
    globalShadow->startCluster(index);
}

void Memory::reach(const Access &access, unsigned block, bool awaits) {
  if (!checks(CheckRaces))
    return;
  RemoteAccesses::Presence presence = remote.presence(access.clock, block);
  if (awaits)
    remote.note(access.clock, block, access.site, access.thread.index());
  if (presence == RemoteAccesses::Presence::There)
    return;
  findings.add(FindingKind::AbsentBlock, access.site, [&] {
    return describeThread(access.thread) + " reaches into the shared memory of " +
           describeBlock(block) +
           (presence == RemoteAccesses::Presence::Ended
                ? ", which has ended"
                : ", with no barrier before by which it must have begun");
  });
}

void Memory::endBlock(unsigned block, const VectorClock &knows) {
  for (const RemoteAccesses::Entry &access : remote.end(block, knows))
    findings.add(FindingKind::AbsentBlock, access.site, [&] {
      return describeBlock(access.warp / warps) + " thread " + tripleAt(access.thread, blockSize) +
             " reaches into the shared memory of " + describeBlock(block) +
             ", which ends with no barrier between";
    });
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
  if (!checks(CheckRaces))
    return true;
  if (place.index != access.clock.block)
    reach(access, place.index);
  if (auto conflict =
          sharedShadows[place.index].writeLater(access.who(), uint32_t(place.offset), size))
    report(access, place.index, *conflict, true);
  return true;
}

void Memory::landCopy(const Access &access, void *address, uint32_t size) {
  if (checks(CheckRaces))
    sharedShadows[window.block(address)].land(access.who(), window.offset(address), size);
}

void Memory::finishCopy(void *address, uint32_t size) {
  if (checks(CheckRaces))
    sharedShadows[window.block(address)].finish(window.offset(address), size);
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
  unsigned block = window.block(address);
  if (!checks(CheckRaces) || offset + size > sharedBytes)
    return; // a read out of bounds was reported when it began
  // What was written in between is not known to the clock of the beginning.
  if (auto conflict = sharedShadows[block].check({&begin, access.thread.lane}, offset, size))
    report(access, block, *conflict, false);
  sharedShadows[block].note(access.who(), offset, size);
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

std::string Memory::describeBlock(unsigned rank) const {
  return "block " + triple(shape.blockId(cluster, rank).data());
}

std::string Memory::describeShared(const ThreadContext &thread, unsigned block,
                                   uint32_t offset) const {
  return "shared+" + std::to_string(offset) +
         (block == thread.rank ? "" : " of " + describeBlock(block));
}

std::string Memory::describeOther(const ThreadContext &thread, unsigned warp,
                                  std::optional<unsigned> lane) const {
  unsigned block = warp / warps, index = warp % warps;
  std::string of = block == thread.rank ? "" : describeBlock(block) + " ";
  if (!lane)
    return " by several threads of " + of + "warp " + std::to_string(index);
  return " by " + of + "thread " + tripleAt(index * 32 + *lane, blockSize);
}

void Memory::report(const Access &access, unsigned block, const Conflict &conflict, bool writes) {
  findings.add(conflict.kind, access.site, [&] {
    std::string text = describeThread(access.thread) + " " + verb(writes) +
                       describeShared(access.thread, block, conflict.offset);
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
    if (conflict.kind == FindingKind::CopyNotWaitedFor)
      text += " that was issued";
    text += describeOther(access.thread, *conflict.otherWarp, conflict.otherLane);
    bool isRaceOfTwo = conflict.kind == FindingKind::Race && conflict.otherLane;
    return text + (isRaceOfTwo ? ", with no barrier between" : "");
  });
}

void Memory::report(const Access &access, uint32_t buffer, const GlobalConflict &conflict,
                    bool writes) {
  findings.add(conflict.kind, access.site, [&] {
    std::string text = describeThread(access.thread) + " " + verb(writes) + buffers[buffer].name +
                       "+" + std::to_string(conflict.offset) +
                       (conflict.otherWrote ? ", written" : ", read");
    if (conflict.kind == FindingKind::BlockRace)
      text += " by block " + triple(shape
                                        .blockId(conflict.otherBlock / shape.blocks(),
                                                 unsigned(conflict.otherBlock % shape.blocks()))
                                        .data());
    else
      text += " by thread " + tripleAt(conflict.otherWarp * 32 + conflict.otherLane, blockSize);
    return text + ", with nothing between that orders them";
  });
}

std::string Memory::describePlace(const Thread &thread, const void *place) const {
  auto *address = static_cast<const uint8_t *>(place);
  if (window.contains(address))
    return "shared+" + std::to_string(window.offset(address)) + " of " +
           std::to_string(sharedBytes) + " bytes" +
           (window.block(address) == thread.rank ? ""
                                                 : " of " + describeBlock(window.block(address)));
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
