// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last accesses to each word of the buffers that a kernel writes. Blocks run one after the
// other here, but on a machine in any order: accesses of two blocks clash unless an atomic orders
// them that releases and acquires, or has fences around it.

#ifndef QLLM_EMULATOR_RUNTIME_GLOBALSHADOW_H
#define QLLM_EMULATOR_RUNTIME_GLOBALSHADOW_H

#include "qllm/Emulator/Runtime/SharedShadow.h"
#include <memory>
#include <unordered_map>

namespace qllm::emu {

/// What else an atomic does, and what it does not: loads and stores are atomics too.
enum AtomicOrder : uint32_t {
  OrderNothing = 0,
  OrderAcquire = 1,
  OrderRelease = 2,
  OnlyReads = 4,
  OnlyWrites = 8,
  OnlyInBlock = 16 ///< its order holds for threads of the same block
};

/// Why an access to a buffer is wrong, and whose access it clashes with.
struct GlobalConflict {
  FindingKind kind;
  /// Offset in the buffer.
  uint64_t offset;
  uint64_t otherBlock;
  unsigned otherWarp, otherLane;
  bool otherWrote;
};

class GlobalShadow {
public:
  explicit GlobalShadow(const std::vector<Buffer> &buffers);
  ~GlobalShadow();
  GlobalShadow(const GlobalShadow &) = delete;
  GlobalShadow &operator=(const GlobalShadow &) = delete;

  /// False when the system has no memory for the buffers.
  bool valid() const { return hasMemory; }

  void startBlock(uint64_t index);
  std::optional<GlobalConflict> access(const Accessor &who, size_t buffer, uint64_t offset,
                                       uint32_t size, AccessKind kind);
  /// An atomic at the address hands over what its thread knows, and takes up what was handed over:
  /// also inside of the block, to the thread's clock.
  void synchronize(WarpClock &clock, unsigned lane, uint64_t address, uint32_t order);
  /// A fence makes the thread's atomics before it acquire, and those after it release.
  void fence(WarpClock &clock, unsigned lane);

  /// Whether accesses to the buffer are noted: those to one that is only ever read are not.
  bool notes(size_t buffer) const { return stamps[buffer].writes; }
  /// The most blocks that it can tell apart.
  static constexpr uint64_t kMostBlocks = (uint64_t(1) << 27) - 1;

private:
  /// The last access of one kind to a word: which bytes of it (0: there was none), by whom.
  struct Stamp {
    uint32_t block : 27, bytes : 4, atomic : 1;
    uint32_t time : 22, warp : 5, lane : 5;
  };
  static_assert(sizeof(Stamp) == 8);
  /// Of the words of a buffer. Apart, because most that is written is never read.
  struct Stamps {
    Stamp *writes = nullptr, *reads = nullptr;
    size_t bytes = 0;
  };

  /// For each block, until when the accesses of its warps are known.
  using Knowledge = std::unordered_map<uint32_t, VectorClock>;
  /// What a thread's atomics will pass on, and have taken up, but for a fence.
  struct Fences {
    Knowledge released, observed;
  };

  bool ordered(const Accessor &who, const Stamp &stamp) const;
  /// Whether nobody was there before, or the same thread: nearly always.
  bool quiet(const Accessor &who, const Stamp &stamp) const {
    return !stamp.bytes ||
           (stamp.block == block && stamp.warp == who.clock->warp && stamp.lane == who.lane);
  }
  std::optional<GlobalConflict> check(const Accessor &who, const Stamps &stamps, uint64_t offset,
                                      uint32_t size, AccessKind kind) const;
  std::optional<GlobalConflict> clash(const Stamp &stamp, uint64_t word, bool wrote) const;
  /// Adds what the thread knows, of its own block too.
  void pass(const WarpClock &clock, Knowledge &to) const;
  void synchronizeInBlock(WarpClock &clock, uint64_t address, uint32_t order);
  void acquireOwn(WarpClock &clock, const Knowledge &from) const;

  std::vector<Stamps> stamps;
  bool hasMemory = true;
  uint32_t block = 0;
  /// What this block knows of others through atomics, and what each atomic location passes on.
  Knowledge known;
  std::unordered_map<uint64_t, Knowledge> released;
  /// What those pass on that order threads of this block only.
  std::unordered_map<uint64_t, VectorClock> releasedInBlock;
  /// By warp and lane of this block.
  std::unordered_map<unsigned, Fences> fences;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_GLOBALSHADOW_H
