// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A small generator whose sequence is the same everywhere.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_RANDOM_H
#define QLLM_LIB_EMULATOR_RUNTIME_RANDOM_H

#include <cstdint>

namespace qllm::emu {

class Random {
public:
  explicit Random(uint64_t seed) : state(seed * 0x9e3779b97f4a7c15u + 0x243f6a8885a308d3u) {}
  /// A number below `bound`, which is at most 2^31.
  uint32_t below(uint32_t bound) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return uint32_t((state >> 33) * bound >> 31);
  }
  bool coin() { return below(2); }

private:
  uint64_t state;
};

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_RANDOM_H
