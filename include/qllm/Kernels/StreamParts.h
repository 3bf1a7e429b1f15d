// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the parts of a tile by stream-K are added.

#ifndef QLLM_KERNELS_STREAMPARTS_H
#define QLLM_KERNELS_STREAMPARTS_H

#include "qllm/Kernels/StreamK.h"

#include <algorithm>

namespace qllm::kernels {

/// Parts that a thread with so many sums of each has on their way together: as many as fit into the
/// registers that are free behind the loop over the depth.
inline std::int64_t partsAtOnce(const StreamK &stream, std::int64_t sums) {
  constexpr std::int64_t words = 64;
  return std::max<std::int64_t>(1, std::min(stream.mostBlocksOfTile(), words / sums));
}

} // namespace qllm::kernels

#endif // QLLM_KERNELS_STREAMPARTS_H
