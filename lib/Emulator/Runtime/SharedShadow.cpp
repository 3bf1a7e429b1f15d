// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FastTrack's idea with a fixed number of warps: one last writer per word, one last reader per word
// and warp.

#include "qllm/Emulator/Runtime/SharedShadow.h"

using namespace qllm::emu;

namespace {

/// A reader packed as time * 1024 + bytes * 64 + lane.
constexpr uint32_t kSeveralLanes = 32;

struct Reader {
  uint32_t time, bytes, lane;
  uint32_t pack() const { return time << 10 | bytes << 6 | lane; }
  static Reader unpack(uint32_t packed) { return {packed >> 10, packed >> 6 & 15, packed & 63}; }
};

/// Bytes of word `word` that [offset, offset + size) covers.
uint8_t coveredBytes(uint32_t word, uint32_t offset, uint32_t size) {
  uint32_t begin = std::max(offset, word * 4) - word * 4,
           end = std::min(offset + size, word * 4 + 4) - word * 4;
  return uint8_t((1u << end) - (1u << begin));
}

uint32_t lastWord(uint32_t offset, uint32_t size) { return (offset + size + 3) / 4; }

} // namespace

void SharedShadow::reset(size_t bytes, unsigned count) {
  warps = count;
  words = (bytes + 3) / 4;
  writes.assign(words, Stamp{});
  reads.assign(words * warps, 0);
}

bool SharedShadow::ordered(const Accessor &who, const Stamp &stamp) const {
  const WarpClock &clock = *who.clock;
  if (stamp.warp != clock.warp)
    return stamp.time <= clock.seen[stamp.warp];
  return stamp.lane == who.lane || stamp.time < clock.synchronized;
}

inline void SharedShadow::noteRead(const Accessor &who, uint32_t word, uint8_t bytes) {
  const WarpClock &clock = *who.clock;
  uint32_t &last = reads[clock.warp * words + word];
  Reader before = Reader::unpack(last), now{clock.seen[clock.warp], bytes, who.lane};
  if (before.time == now.time) {
    now.bytes |= before.bytes;
    now.lane = before.lane == now.lane ? now.lane : kSeveralLanes;
  }
  last = now.pack();
}

inline bool SharedShadow::mayRead(const Accessor &who, uint32_t word, uint8_t bytes) const {
  const Stamp &stamp = writes[word];
  return !(bytes & ~stamp.written) &&
         (!(stamp.covered & bytes) || (!stamp.inFlight && ordered(who, stamp)));
}

/// Of a word that may not be read.
Conflict SharedShadow::conflictOfRead(uint32_t word, uint8_t bytes) const {
  const Stamp &stamp = writes[word];
  if (stamp.inFlight && stamp.covered & bytes)
    return Conflict{FindingKind::CopyNotWaitedFor, word * 4, stamp.warp, stamp.lane, true};
  if (bytes & ~stamp.written)
    return Conflict{FindingKind::UninitializedRead, word * 4, std::nullopt, std::nullopt, false};
  return Conflict{FindingKind::Race, word * 4, stamp.warp, stamp.lane, true};
}

std::optional<Conflict> SharedShadow::writeWord(const Accessor &who, uint32_t word, uint8_t bytes,
                                                bool inFlight) {
  const WarpClock &clock = *who.clock;
  Stamp &stamp = writes[word], before = stamp;
  uint32_t now = clock.seen[clock.warp];
  stamp = Stamp{now,
                uint8_t(clock.warp),
                uint8_t(who.lane),
                bytes,
                uint8_t(before.written | bytes),
                inFlight,
                !inFlight};
  if (before.inFlight && before.covered & bytes)
    return Conflict{FindingKind::CopyNotWaitedFor, word * 4, before.warp, before.lane, true};
  if (before.covered & bytes && !ordered(who, before))
    return Conflict{FindingKind::Race, word * 4, before.warp, before.lane, true};
  for (unsigned warp = 0; warp < warps; ++warp) {
    Reader reader = Reader::unpack(reads[warp * words + word]);
    bool known = warp != clock.warp ? reader.time <= clock.seen[warp]
                                    : reader.time < clock.synchronized || reader.lane == who.lane;
    if (!known && reader.bytes & bytes)
      return Conflict{FindingKind::Race, word * 4, warp,
                      reader.lane == kSeveralLanes ? std::optional<unsigned>() : reader.lane,
                      false};
  }
  return std::nullopt;
}

std::optional<Conflict> SharedShadow::read(const Accessor &who, uint32_t offset, uint32_t size) {
  std::optional<Conflict> first;
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    uint8_t bytes = coveredBytes(word, offset, size);
    noteRead(who, word, bytes);
    if (!mayRead(who, word, bytes) && !first)
      first = conflictOfRead(word, bytes);
  }
  return first;
}

std::optional<Conflict> SharedShadow::writeRange(const Accessor &who, uint32_t offset,
                                                 uint32_t size, bool inFlight) {
  std::optional<Conflict> first;
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    std::optional<Conflict> conflict =
        writeWord(who, word, coveredBytes(word, offset, size), inFlight);
    if (conflict && !first)
      first = conflict;
  }
  return first;
}

std::optional<Conflict> SharedShadow::write(const Accessor &who, uint32_t offset, uint32_t size) {
  return writeRange(who, offset, size, false);
}

std::optional<Conflict> SharedShadow::writeLater(const Accessor &who, uint32_t offset,
                                                 uint32_t size) {
  return writeRange(who, offset, size, true);
}

void SharedShadow::land(const Accessor &who, uint32_t offset, uint32_t size) {
  const WarpClock &clock = *who.clock;
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    Stamp &stamp = writes[word];
    stamp.time = clock.seen[clock.warp];
    stamp.warp = uint8_t(clock.warp);
    stamp.lane = uint8_t(who.lane);
    stamp.inFlight = false;
  }
}

void SharedShadow::finish(uint32_t offset, uint32_t size) {
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word)
    writes[word].inFlight = false;
}
