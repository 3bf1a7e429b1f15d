// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What one launch can have at most, on every target.

#ifndef QLLM_KERNELS_LAUNCHLIMITS_H
#define QLLM_KERNELS_LAUNCHLIMITS_H

#include <cstdint>

namespace qllm::kernels {

/// Blocks of a grid along y and z. Rows lie along x, which has more blocks than there are rows.
inline constexpr std::int64_t maxColumnsOfGrid = 65535, maxLayersOfGrid = 65535;
/// Rows of a matrix, and other sizes that a kernel gets: they are i32, and so are the offsets of
/// what a row has one f32 of.
inline constexpr std::int64_t maxRows = std::int64_t{1} << 28, maxRuntimeSize = INT32_MAX;

} // namespace qllm::kernels

#endif // QLLM_KERNELS_LAUNCHLIMITS_H
