// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registers that a thread can have, on every target.

#ifndef QLLM_KERNELS_THREADREGISTERS_H
#define QLLM_KERNELS_THREADREGISTERS_H

#include <algorithm>
#include <cstdint>

namespace qllm::kernels {

/// Registers of a multiprocessor, which one block of so many threads may have all of. A thread gets
/// a multiple of eight, and one instruction can name 255.
constexpr std::int64_t registersOfBlock = 65536;
constexpr std::int64_t registersOfThread(std::int64_t threads) {
  return std::min<std::int64_t>(255, registersOfBlock / threads / 8 * 8);
}

} // namespace qllm::kernels

#endif // QLLM_KERNELS_THREADREGISTERS_H
