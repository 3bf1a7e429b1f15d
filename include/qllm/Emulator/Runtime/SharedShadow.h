// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last accesses to each word of a block's shared memory, and whether a new one is ordered after
// them.

#ifndef QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H
#define QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Report.h"
#include <map>
#include <unordered_map>

namespace qllm::emu {

/// An atomic reads and writes, or does one of them.
enum class AccessKind : uint8_t { Read, Write, Atomic, AtomicRead, AtomicWrite };
constexpr bool isAtomic(AccessKind kind) { return kind >= AccessKind::Atomic; }
constexpr bool onlyReads(AccessKind kind) {
  return kind == AccessKind::Read || kind == AccessKind::AtomicRead;
}

/// Who accesses.
struct Accessor {
  const WarpClock *clock;
  unsigned lane;
};

/// Why an access is wrong, and the access that it clashes with.
struct Conflict {
  FindingKind kind;
  /// Offset of the word.
  uint32_t offset;
  /// The other thread; none when several or nobody.
  std::optional<unsigned> otherWarp, otherLane;
  bool otherWrote;
};

/// Of [offset, offset + size): the word behind the last; the bytes of word `word`.
inline uint64_t lastWord(uint64_t offset, uint32_t size) { return (offset + size + 3) / 4; }
inline uint8_t bytesOfWord(uint64_t word, uint64_t offset, uint32_t size) {
  uint64_t begin = std::max(offset, word * 4) - word * 4,
           end = std::min(offset + size, word * 4 + 4) - word * 4;
  return uint8_t((1u << end) - (1u << begin));
}

/// Of the shared memory of one block. Granules are words of four bytes. Of several writers of parts
/// of a word only the last is remembered, so that a race on single bytes can be missed; two threads
/// that write different bytes of a word do not clash, nor do two atomics.
class SharedShadow {
public:
  /// Nothing written, nothing read. The block's own warps are `count` from `first` on; others are
  /// those of its cluster.
  void reset(size_t bytes, unsigned count, unsigned first = 0);

  /// All note the access; the first conflict, if any.
  std::optional<Conflict> read(const Accessor &who, uint32_t offset, uint32_t size) {
    note(who, offset, size);
    return check(who, offset, size);
  }
  std::optional<Conflict> write(const Accessor &who, uint32_t offset, uint32_t size);
  std::optional<Conflict> atomic(const Accessor &who, uint32_t offset, uint32_t size,
                                 AccessKind kind);

  /// The halves of a read, for one that begins and ends at different times: whoever writes has to
  /// know of what is noted; the first conflict with what has been written.
  void note(const Accessor &who, uint32_t offset, uint32_t size, bool atomic = false);
  std::optional<Conflict> check(const Accessor &who, uint32_t offset, uint32_t size) const {
    if (mayRead(who, offset, size))
      return std::nullopt;
    return checkWords(who, offset, size, AccessKind::Read);
  }

  /// A write that an asynchronous operation is to make: in flight until `land`.
  std::optional<Conflict> writeLater(const Accessor &who, uint32_t offset, uint32_t size);
  /// The data is there, as if `who` had written it now.
  void land(const Accessor &who, uint32_t offset, uint32_t size);
  /// The data is there, but only who learns of the write that was announced may touch it.
  void finish(uint32_t offset, uint32_t size);

  /// A read through the asynchronous proxy: writes of threads must have been fenced since.
  /// `fenced(warp, lane)` is the time of the lane's last fence.
  template <typename Fenced>
  std::optional<Conflict> readByProxy(const Accessor &who, uint32_t offset, uint32_t size,
                                      Fenced fenced) {
    note(who, offset, size);
    return checkByProxy(who, offset, size, fenced);
  }
  template <typename Fenced>
  std::optional<Conflict> checkByProxy(const Accessor &who, uint32_t offset, uint32_t size,
                                       Fenced fenced) const {
    std::optional<Conflict> conflict = check(who, offset, size);
    for (uint32_t word = offset / 4; !conflict && word < lastWord(offset, size); ++word) {
      const Stamp &stamp = writes[word];
      if (stamp.byThread && stamp.time > fenced(stamp.warp, stamp.lane))
        conflict = Conflict{FindingKind::MissingProxyFence, word * 4, stamp.warp, stamp.lane, true};
    }
    return conflict;
  }

private:
  struct Stamp {
    uint32_t time;
    uint8_t warp, lane;
    /// Bytes of the word that the last write covered; bytes ever written.
    uint8_t covered : 4, written : 4;
    uint8_t inFlight : 1, byThread : 1, atomic : 1;
  };
  static_assert(sizeof(Stamp) == 8);

  /// A read as time * 2048 + bytes * 128 + atomic * 64 + lane; `kSeveralLanes` for more than one.
  static constexpr uint32_t kSeveralLanes = 32;
  struct Reader {
    uint32_t time, bytes, atomic, lane;
    uint32_t pack() const { return time << 11 | bytes << 7 | atomic << 6 | lane; }
    static Reader unpack(uint32_t packed) {
      return {packed >> 11, packed >> 7 & 15, packed >> 6 & 1, packed & 63};
    }
  };
  enum class WriteKind { Plain, Later, Atomic };

  static bool ordered(const Accessor &who, const Stamp &stamp) {
    const WarpClock &clock = *who.clock;
    bool own = stamp.warp == clock.warp;
    uint32_t known = own ? clock.synchronized - 1 : clock.seen.at(stamp.warp);
    return stamp.time <= known || (own && stamp.lane == who.lane);
  }

  bool mayRead(const Accessor &who, uint32_t offset, uint32_t size) const;
  std::optional<Conflict> checkWords(const Accessor &who, uint32_t offset, uint32_t size,
                                     AccessKind kind) const;
  std::optional<Conflict> writeWord(const Accessor &who, uint32_t word, uint8_t bytes,
                                    WriteKind kind);
  std::optional<Conflict> writeRange(const Accessor &who, uint32_t offset, uint32_t size,
                                     WriteKind kind);
  std::optional<Conflict> clashWithReaders(const Accessor &who, uint32_t word, uint8_t bytes,
                                           bool atomic) const;

  /// The same for a warp of another block, of which there are few that read here.
  void noteForeign(const Accessor &who, uint32_t offset, uint32_t size, bool atomic);
  bool knowsReader(const Accessor &who, unsigned warp, const Reader &reader) const {
    const WarpClock &clock = *who.clock;
    return warp != clock.warp ? clock.knows(warp, reader.time)
                              : reader.time < clock.synchronized || reader.lane == who.lane;
  }
  static uint32_t readBy(const Accessor &who, uint8_t bytes, bool atomic, uint32_t before,
                         bool isFirst);

  size_t words = 0;
  unsigned firstWarp = 0, ownWarps = 0;
  std::vector<Stamp> writes;
  /// The warps that have read the word since it was last written as a whole.
  std::vector<uint32_t> readers;
  /// Per warp and word, when, which bytes and by which lane, or by several, it was last read; of
  /// `readers` only. Words that are read together lie together: there are more reads than writes,
  /// which look at all readers.
  std::vector<uint32_t> reads;
  /// By word and warp of another block.
  std::unordered_map<uint32_t, std::map<unsigned, uint32_t>> foreignReads;
};

/// The packed read of a warp that has read `before`, unless `isFirst`.
inline uint32_t SharedShadow::readBy(const Accessor &who, uint8_t bytes, bool atomic,
                                     uint32_t before, bool isFirst) {
  Reader reader{who.clock->now(), bytes, atomic, who.lane}, last = Reader::unpack(before);
  if (!isFirst && last.time == reader.time) {
    reader.bytes |= last.bytes;
    reader.atomic &= last.atomic;
    reader.lane = last.lane == reader.lane ? reader.lane : kSeveralLanes;
  }
  return reader.pack();
}

inline void SharedShadow::note(const Accessor &who, uint32_t offset, uint32_t size, bool atomic) {
  unsigned index = who.clock->warp - firstWarp;
  if (index >= ownWarps)
    return noteForeign(who, offset, size, atomic);
  uint32_t *own = reads.data() + index * words, self = 1u << index;
  bool whole = (offset | size) % 4 == 0;
  for (uint32_t word = offset / 4, last = uint32_t(lastWord(offset, size)); word < last; ++word) {
    own[word] = readBy(who, whole ? 15 : bytesOfWord(word, offset, size), atomic, own[word],
                       !(readers[word] & self));
    readers[word] |= self;
  }
}

/// Whether nothing is wrong with a read of whole words that were written whole: almost every read.
inline bool SharedShadow::mayRead(const Accessor &who, uint32_t offset, uint32_t size) const {
  bool may = (offset | size) % 4 == 0;
  for (uint32_t word = offset / 4, last = word + size / 4; word < last; ++word) {
    const Stamp &stamp = writes[word];
    may &= stamp.covered == 15 && !stamp.inFlight && ordered(who, stamp);
  }
  return may;
}

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H
