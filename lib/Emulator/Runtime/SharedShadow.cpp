// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// FastTrack's idea with a fixed number of warps: one last writer per word, one last reader per word
// and warp, the latter only since the last write.

#include "qllm/Emulator/Runtime/SharedShadow.h"

using namespace qllm::emu;

void SharedShadow::reset(size_t bytes, unsigned count, unsigned first) {
  words = (bytes + 3) / 4;
  firstWarp = first;
  ownWarps = count;
  writes.assign(words, Stamp{});
  readers.assign(words, 0);
  reads.resize(words * count);
  foreignReads.clear();
}

void SharedShadow::noteForeign(const Accessor &who, uint32_t offset, uint32_t size, bool atomic) {
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    auto [read, isFirst] = foreignReads[word].try_emplace(who.clock->warp);
    read->second = readBy(who, bytesOfWord(word, offset, size), atomic, read->second, isFirst);
  }
}

std::optional<Conflict> SharedShadow::checkWords(const Accessor &who, uint32_t offset,
                                                 uint32_t size, AccessKind kind) const {
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    uint8_t bytes = bytesOfWord(word, offset, size);
    const Stamp &stamp = writes[word];
    if (stamp.inFlight && stamp.covered & bytes)
      return Conflict{FindingKind::CopyNotWaitedFor, word * 4, stamp.warp, stamp.lane, true};
    if (bytes & ~stamp.written)
      return Conflict{FindingKind::UninitializedRead, word * 4, std::nullopt, std::nullopt, false};
    if (stamp.covered & bytes && !(isAtomic(kind) && stamp.atomic) && !ordered(who, stamp))
      return Conflict{FindingKind::Race, word * 4, stamp.warp, stamp.lane, true};
  }
  return std::nullopt;
}

std::optional<Conflict> SharedShadow::clashWithReaders(const Accessor &who, uint32_t word,
                                                       uint8_t bytes, bool atomic) const {
  auto clash = [&](unsigned warp, uint32_t packed) -> std::optional<Conflict> {
    Reader reader = Reader::unpack(packed);
    if (knowsReader(who, warp, reader) || !(reader.bytes & bytes) || (atomic && reader.atomic))
      return std::nullopt;
    return Conflict{FindingKind::Race, word * 4, warp,
                    reader.lane == kSeveralLanes ? std::optional<unsigned>() : reader.lane, false};
  };
  for (uint32_t left = readers[word]; left; left &= left - 1) {
    unsigned index = unsigned(__builtin_ctz(left));
    if (auto conflict = clash(firstWarp + index, reads[index * words + word]))
      return conflict;
  }
  if (foreignReads.empty())
    return std::nullopt;
  if (auto found = foreignReads.find(word); found != foreignReads.end())
    for (auto [warp, read] : found->second)
      if (auto conflict = clash(warp, read))
        return conflict;
  return std::nullopt;
}

std::optional<Conflict> SharedShadow::writeWord(const Accessor &who, uint32_t word, uint8_t bytes,
                                                WriteKind kind) {
  const WarpClock &clock = *who.clock;
  bool inFlight = kind == WriteKind::Later, atomic = kind == WriteKind::Atomic;
  Stamp &stamp = writes[word], before = stamp;
  stamp = Stamp{clock.now(),
                uint8_t(clock.warp),
                uint8_t(who.lane),
                bytes,
                uint8_t(before.written | bytes),
                inFlight,
                !inFlight,
                atomic};
  std::optional<Conflict> conflict;
  if (before.inFlight && before.covered & bytes)
    conflict = Conflict{FindingKind::CopyNotWaitedFor, word * 4, before.warp, before.lane, true};
  else if (before.covered & bytes && !(atomic && before.atomic) && !ordered(who, before))
    conflict = Conflict{FindingKind::Race, word * 4, before.warp, before.lane, true};
  else
    conflict = clashWithReaders(who, word, bytes, atomic);
  // Later writes that are ordered behind this one are so behind those reads, or this one was not.
  // Atomics need not be ordered behind others.
  if (bytes == 15 && !atomic) {
    readers[word] = 0;
    if (!foreignReads.empty())
      foreignReads.erase(word);
  }
  return conflict;
}

std::optional<Conflict> SharedShadow::writeRange(const Accessor &who, uint32_t offset,
                                                 uint32_t size, WriteKind kind) {
  std::optional<Conflict> first;
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    std::optional<Conflict> conflict = writeWord(who, word, bytesOfWord(word, offset, size), kind);
    if (conflict && !first)
      first = conflict;
  }
  return first;
}

std::optional<Conflict> SharedShadow::write(const Accessor &who, uint32_t offset, uint32_t size) {
  return writeRange(who, offset, size, WriteKind::Plain);
}

std::optional<Conflict> SharedShadow::atomic(const Accessor &who, uint32_t offset, uint32_t size,
                                             AccessKind kind) {
  std::optional<Conflict> conflict;
  if (kind != AccessKind::AtomicWrite)
    conflict = checkWords(who, offset, size, kind);
  if (kind == AccessKind::AtomicRead) {
    note(who, offset, size, /*atomic=*/true);
    return conflict;
  }
  std::optional<Conflict> ofWrite = writeRange(who, offset, size, WriteKind::Atomic);
  return conflict ? conflict : ofWrite;
}

std::optional<Conflict> SharedShadow::writeLater(const Accessor &who, uint32_t offset,
                                                 uint32_t size) {
  return writeRange(who, offset, size, WriteKind::Later);
}

void SharedShadow::land(const Accessor &who, uint32_t offset, uint32_t size) {
  const WarpClock &clock = *who.clock;
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word) {
    Stamp &stamp = writes[word];
    stamp.time = clock.now();
    stamp.warp = uint8_t(clock.warp);
    stamp.lane = uint8_t(who.lane);
    stamp.inFlight = false;
  }
}

void SharedShadow::finish(uint32_t offset, uint32_t size) {
  for (uint32_t word = offset / 4; word < lastWord(offset, size); ++word)
    writes[word].inFlight = false;
}
