// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who knows what about the memory accesses of whom. Each warp of the blocks that run together has a
// clock that advances when it tells others what it has done (at barriers, arrivals, atomics);
// `seen[w]` is the last time of warp w that it knows of. An access at time t of warp w comes before
// everything that a warp with `seen[w] >= t` does.

#ifndef QLLM_EMULATOR_RUNTIME_CLOCKS_H
#define QLLM_EMULATOR_RUNTIME_CLOCKS_H

#include <algorithm>
#include <array>
#include <cstdint>

namespace qllm::emu {

constexpr unsigned kMaxWarps = 32;
/// Blocks that run together, and the warps of all of them: clocks number these one after the other.
constexpr unsigned kMaxClusterBlocks = 8, kMaxClusterWarps = kMaxClusterBlocks * kMaxWarps;

/// Times by warp; 0 for those that it does not reach to. Room is there for the largest cluster, and
/// what is copied and joined is what is in use.
class VectorClock {
public:
  VectorClock() = default;
  VectorClock(const VectorClock &other) { *this = other; }
  VectorClock &operator=(const VectorClock &other) {
    size = other.size;
    std::copy_n(other.times.begin(), size, times.begin());
    return *this;
  }

  uint32_t &operator[](unsigned warp) {
    if (warp >= size)
      reach(warp + 1);
    return times[warp];
  }
  uint32_t operator[](unsigned warp) const { return warp < size ? times[warp] : 0; }
  /// Of a clock that reaches to that warp.
  uint32_t at(unsigned warp) const { return times[warp]; }
  void join(const VectorClock &other) {
    if (size < other.size)
      reach(other.size);
    for (unsigned begin = 0; begin < other.size; begin += kStep)
      for (unsigned warp = begin; warp < begin + kStep; ++warp)
        times[warp] = std::max(times[warp], other.times[warp]);
  }
  /// Holds times of so many warps.
  void reach(unsigned warps) {
    unsigned wanted = (warps + kStep - 1) / kStep * kStep;
    std::fill(times.begin() + size, times.begin() + wanted, 0);
    size = wanted;
  }

private:
  static constexpr unsigned kStep = 8; ///< sizes are multiples of it
  unsigned size = 0;
  std::array<uint32_t, kMaxClusterWarps> times;
};

/// What one warp knows.
struct WarpClock {
  unsigned warp = 0;
  /// Of `warp`, the block in its cluster and the warp in that.
  unsigned block = 0, warpInBlock = 0;
  /// Whether it has met all blocks of its cluster at a barrier, in whatever order of memory.
  bool metCluster = false;
  /// seen[warp] is the present. It reaches to all warps.
  VectorClock seen;
  /// Lanes of the warp know of each other what is older than this.
  uint32_t synchronized = 0;

  /// One of `warps`, of which blocks have `perBlock` each.
  void reset(unsigned index, unsigned warps = kMaxWarps, unsigned perBlock = kMaxWarps) {
    warp = index;
    block = index / perBlock;
    warpInBlock = index % perBlock;
    metCluster = false;
    seen = VectorClock();
    seen.reach(warps);
    seen[index] = synchronized = 1;
  }
  uint32_t now() const { return seen.at(warp); }
  /// Whether what the other warp did at that time comes before what this one does.
  bool knows(unsigned other, uint32_t time) const { return time <= seen.at(other); }
  /// What follows is later than what was released or fenced until now.
  void tick() { ++seen[warp]; }
  /// What `clock` knows is known from here on; also to the other lanes of the warp, which a clock
  /// cannot tell apart.
  void acquire(const VectorClock &clock) {
    seen.join(clock);
    if (clock[warp] == now())
      tick();
    synchronized = std::max(synchronized, clock[warp] + 1);
  }
  /// All lanes meet.
  void synchronizeLanes() {
    tick();
    synchronized = now();
  }
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_CLOCKS_H
