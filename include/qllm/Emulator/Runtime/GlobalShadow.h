// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The last accesses to each word of the buffers that a kernel writes. Clusters of blocks run one
// after the other here, but on a machine in any order: accesses of two blocks clash unless an
// atomic orders them that releases and acquires, or has fences around it; or, inside of a cluster,
// what orders accesses to shared memory.

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
  OnlyInBlock = 16, ///< its order holds for threads of the same block
  OnlyInCluster = 32
};

/// Why an access to a buffer is wrong, and whose access it clashes with.
struct GlobalConflict {
  FindingKind kind;
  /// Offset in the buffer.
  uint64_t offset;
  /// Its cluster times the blocks of one, and its rank there.
  uint64_t otherBlock;
  unsigned otherWarp, otherLane;
  bool otherWrote;
};

class GlobalShadow {
public:
  /// For clusters of `blocks`, each of `warps`.
  explicit GlobalShadow(const std::vector<Buffer> &buffers, unsigned blocks = 1,
                        unsigned warps = kMaxWarps);
  ~GlobalShadow();
  GlobalShadow(const GlobalShadow &) = delete;
  GlobalShadow &operator=(const GlobalShadow &) = delete;

  /// False when the system has no memory for the buffers.
  bool valid() const { return hasMemory; }

  void startCluster(uint64_t index);
  std::optional<GlobalConflict> access(const Accessor &who, size_t buffer, uint64_t offset,
                                       uint32_t size, AccessKind kind);
  /// An atomic at the address hands over what its thread knows, and takes up what was handed over:
  /// also inside of the cluster, to the thread's clock.
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

  /// For each cluster, until when the accesses of its warps are known.
  using Knowledge = std::unordered_map<uint32_t, VectorClock>;
  /// What a thread's atomics will pass on, and have taken up, but for a fence.
  struct Fences {
    Knowledge released, observed;
  };

  bool ordered(const Accessor &who, const Stamp &stamp) const;
  /// Whether nobody was there before, or the same thread: nearly always.
  bool quiet(const Accessor &who, const Stamp &stamp) const {
    return !stamp.bytes || (stamp.block == blockOf(*who.clock) &&
                            stamp.warp == who.clock->warpInBlock && stamp.lane == who.lane);
  }
  uint32_t blockOf(const WarpClock &clock) const { return firstBlock + clock.block; }
  /// As clocks number warps: of a block of any cluster.
  unsigned warpOf(const Stamp &stamp) const {
    return blocks == 1 ? stamp.warp : stamp.block % blocks * warps + stamp.warp;
  }
  std::optional<GlobalConflict> check(const Accessor &who, const Stamps &stamps, uint64_t offset,
                                      uint32_t size, AccessKind kind) const;
  GlobalConflict clash(const Accessor &who, const Stamp &stamp, uint64_t word, bool wrote) const;
  /// Adds what the thread knows, of its own cluster too.
  void pass(const WarpClock &clock, Knowledge &to) const;
  void synchronizeInCluster(WarpClock &clock, uint64_t address, uint32_t order);
  void acquireOwn(WarpClock &clock, const Knowledge &from) const;

  std::vector<Stamps> stamps;
  bool hasMemory = true;
  unsigned blocks, warps;
  uint32_t cluster = 0, firstBlock = 0;
  /// What this cluster knows of others through atomics, and what each atomic location passes on.
  Knowledge known;
  std::unordered_map<uint64_t, Knowledge> released;
  /// What those pass on that order threads of one block only, by its rank, or of the cluster, which
  /// is the last.
  std::vector<std::unordered_map<uint64_t, VectorClock>> releasedInside;
  /// By warp and lane of this cluster.
  std::unordered_map<unsigned, Fences> fences;
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_GLOBALSHADOW_H
