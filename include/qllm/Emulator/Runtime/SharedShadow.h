// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last accesses to each word of a block's shared memory, and whether a new one is ordered after
// them.

#ifndef QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H
#define QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include "qllm/Emulator/Runtime/Report.h"

namespace qllm::emu {

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

/// Granules are words of four bytes. Of several writers of parts of a word only the last is
/// remembered, so that a race on single bytes can be missed; two threads that write different bytes
/// of a word do not clash.
class SharedShadow {
public:
  /// Nothing written, nothing read.
  void reset(size_t bytes, unsigned warps);

  /// Both note the access; the first conflict, if any.
  std::optional<Conflict> read(const Accessor &who, uint32_t offset, uint32_t size);
  std::optional<Conflict> write(const Accessor &who, uint32_t offset, uint32_t size);

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
    std::optional<Conflict> conflict = read(who, offset, size);
    for (uint32_t word = offset / 4; !conflict && word < (offset + size + 3) / 4; ++word) {
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
    uint8_t inFlight : 1, byThread : 1;
  };
  static_assert(sizeof(Stamp) == 8);

  void noteRead(const Accessor &who, uint32_t word, uint8_t bytes);
  bool mayRead(const Accessor &who, uint32_t word, uint8_t bytes) const;
  Conflict conflictOfRead(uint32_t word, uint8_t bytes) const;
  std::optional<Conflict> writeWord(const Accessor &who, uint32_t word, uint8_t bytes,
                                    bool inFlight);
  std::optional<Conflict> writeRange(const Accessor &who, uint32_t offset, uint32_t size,
                                     bool inFlight);
  bool ordered(const Accessor &who, const Stamp &stamp) const;

  unsigned warps = 0;
  size_t words = 0;
  std::vector<Stamp> writes;
  /// Per warp and word, when, which bytes and by which lane, or by several, it was last read. Words
  /// that are read together lie together: there are more reads than writes, which look at all
  /// warps.
  std::vector<uint32_t> reads;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_SHAREDSHADOW_H
