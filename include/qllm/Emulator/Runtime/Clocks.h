// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Who knows what about the memory accesses of whom. Each warp has a clock that advances when it
// tells others what it has done (at barriers, arrivals, atomics); `seen[w]` is the last time of
// warp w that it knows of. An access at time t of warp w comes before everything that a warp with
// `seen[w] >= t` does.

#ifndef QLLM_EMULATOR_RUNTIME_CLOCKS_H
#define QLLM_EMULATOR_RUNTIME_CLOCKS_H

#include <algorithm>
#include <array>
#include <cstdint>

namespace qllm::emu {

constexpr unsigned kMaxWarps = 32;

/// Times by warp.
class VectorClock {
public:
  uint32_t &operator[](unsigned warp) { return times[warp]; }
  uint32_t operator[](unsigned warp) const { return times[warp]; }
  void join(const VectorClock &other) {
    for (unsigned warp = 0; warp < kMaxWarps; ++warp)
      times[warp] = std::max(times[warp], other.times[warp]);
  }

private:
  std::array<uint32_t, kMaxWarps> times{};
};

/// What one warp knows.
struct WarpClock {
  unsigned warp = 0;
  /// seen[warp] is the present.
  VectorClock seen;
  /// Lanes of the warp know of each other what is older than this.
  uint32_t synchronized = 0;

  void reset(unsigned index) {
    warp = index;
    seen = VectorClock();
    seen[index] = synchronized = 1;
  }
  /// What follows is later than what was released or fenced until now.
  void tick() { ++seen[warp]; }
  /// What `clock` knows is known from here on; also to the other lanes of the warp, which a clock
  /// cannot tell apart.
  void acquire(const VectorClock &clock) {
    seen.join(clock);
    if (clock[warp] == seen[warp])
      tick();
    synchronized = std::max(synchronized, clock[warp] + 1);
  }
  /// All lanes meet.
  void synchronizeLanes() {
    tick();
    synchronized = seen[warp];
  }
};

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_CLOCKS_H
