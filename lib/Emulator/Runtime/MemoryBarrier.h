// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The state of an mbarrier object. The word in shared memory that stands for it stays untouched:
// its bits are not documented, and code that reads them would be wrong.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_MEMORYBARRIER_H
#define QLLM_LIB_EMULATOR_RUNTIME_MEMORYBARRIER_H

#include "qllm/Emulator/Runtime/Clocks.h"
#include <cstring>
#include <vector>

namespace qllm::emu {

/// Bytes that go to one place: `source` to [first, last) of them, zeros to the rest.
struct TransferPiece {
  uint8_t *destination;
  const uint8_t *source;
  uint32_t size, first, last;

  void land() const {
    std::memset(destination, 0, size);
    if (first < last)
      std::memcpy(destination + first, source, last - first);
  }
};

/// Data on its way into shared memory that a barrier will announce.
struct Transfer {
  std::vector<TransferPiece> pieces;
  /// Who asked for it, and when.
  unsigned warp;
  uint32_t time;
  /// Whether it counts down the bytes that the barrier expects; whether the data is there already.
  bool counted, landed;
};

/// An arrival by tcgen05.commit: made when a thread's operations on tensor memory up to number
/// `upTo` are done.
struct TensorCommit {
  uint32_t site;
  unsigned thread;
  uint64_t upTo;
  VectorClock knows;
};

struct MemoryBarrier {
  /// Arrivals per phase, arrivals that this one lacks, and bytes that are announced but not there.
  uint32_t expected = 0, pending = 0;
  int64_t bytes = 0;
  /// Phases completed.
  uint64_t phase = 0;
  /// What arrivals of this phase know, and what those of completed ones knew.
  VectorClock arriving, completed;
  /// Lanes of each warp that wait for the present phase.
  std::array<uint32_t, kMaxWarps> waiting{};
  /// What is delivered only when all else has arrived.
  std::vector<Transfer> late;
  std::vector<TensorCommit> commits;
  /// Who initialized it, and when.
  unsigned initWarp = 0;
  uint32_t initTime = 0;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_MEMORYBARRIER_H
