// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the models of costs know of targets.

#ifndef QLLM_LIB_KERNELS_MACHINE_H
#define QLLM_LIB_KERNELS_MACHINE_H

#include "qllm/Kernels/Target.h"

namespace qllm::kernels {

/// Tensor cores that warpgroups drive are faster than `mma.sync`, which reaches about two thirds of
/// their rate.
struct Machine {
  std::string_view target;
  std::int64_t multiprocessors; ///< of the largest product
  double tensorCycles;          ///< a scheduler's tensor core is held by m16n8k32 of bytes
  double warpgroupCycles;       ///< the same by warpgroups
  double bytesPerCycle;         ///< from global memory, of one multiprocessor's share
  double cacheBytesPerCycle;    ///< from the cache that all multiprocessors share
};
inline constexpr Machine machines[] = {
    {"sm_80", 108, 8, 8, 10, 47},  {"sm_86", 84, 16, 16, 6, 20},   {"sm_89", 142, 16, 16, 4, 20},
    {"sm_90a", 132, 6, 4, 20, 38}, {"sm_100a", 148, 8, 8, 28, 64}, {"sm_120a", 170, 16, 16, 5, 20}};
/// Cycles until what a block loads first is there.
inline constexpr double latency = 800;

inline const Machine &machineOf(const Target &target) {
  for (const Machine &machine : machines)
    if (machine.target == target.name)
      return machine;
  return machines[0];
}

inline std::int64_t divideUp(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

} // namespace qllm::kernels

#endif // QLLM_LIB_KERNELS_MACHINE_H
