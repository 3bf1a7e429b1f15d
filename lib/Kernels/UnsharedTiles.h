// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels without stream-K, and those without clusters, ask of a schedule.

#ifndef QLLM_LIB_KERNELS_UNSHAREDTILES_H
#define QLLM_LIB_KERNELS_UNSHAREDTILES_H

#include "qllm/Kernels/LinearKernel.h"

namespace qllm::kernels {

/// Whether every block has a tile of its own.
inline FormatStatus verifyUnshared(const Schedule &schedule) {
  if (!schedule.isStreamed())
    return {};
  return FormatStatus::failure("expected a tile for each block, since there is stream_k for inputs "
                               "of floats only, but got " +
                               std::to_string(schedule.blocks) + " blocks that share tiles");
}

/// Whether every block loads for itself.
inline FormatStatus verifyAlone(const Schedule &schedule) {
  if (schedule.cluster == 1)
    return {};
  return FormatStatus::failure("expected cluster = 1, since only producers of integers load for "
                               "several blocks, but got " +
                               std::to_string(schedule.cluster));
}

} // namespace qllm::kernels

#endif // QLLM_LIB_KERNELS_UNSHAREDTILES_H
