// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers of 32 lanes for tests of warp-wide operations.

#ifndef QLLM_UNITTESTS_EMULATOR_WARPREGISTERS_H
#define QLLM_UNITTESTS_EMULATOR_WARPREGISTERS_H

#include <array>
#include <cstdint>
#include <vector>

struct WarpRegisters {
  explicit WarpRegisters(unsigned words) : words(words), storage(32 * words) {
    for (unsigned lane = 0; lane < 32; ++lane)
      lanes[lane] = &storage[lane * words];
  }
  uint32_t *operator[](unsigned lane) { return lanes[lane]; }
  const uint32_t *const *in() const { return lanes.data(); }
  uint32_t *const *out() { return lanes.data(); }

  unsigned words;
  std::vector<uint32_t> storage;
  std::array<uint32_t *, 32> lanes;
};

#endif // QLLM_UNITTESTS_EMULATOR_WARPREGISTERS_H
