// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one launch can have at most, on every target.

#ifndef QLLM_KERNELS_LAUNCHLIMITS_H
#define QLLM_KERNELS_LAUNCHLIMITS_H

#include <cstdint>

namespace qllm::kernels {

/// Blocks of a grid along x, and along y and z.
inline constexpr std::int64_t maxColumnsOfGrid = INT32_MAX, maxRowsOfGrid = 65535,
                              maxLayersOfGrid = 65535;
/// Rows of a matrix, and other sizes that a kernel gets: they are i32.
inline constexpr std::int64_t maxRuntimeSize = INT32_MAX;

} // namespace qllm::kernels

#endif // QLLM_KERNELS_LAUNCHLIMITS_H
