// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The inner loop of products in double. Our own, because the OpenBLAS of the distribution takes a
// CPU that is newer than itself for the oldest one it knows: products, which are nearly all the
// work of a factorization, took 3.5 times as long (9.7 against 34 GFLOP/s with AVX-512).

#ifndef QLLM_LIB_NUMERICS_DOUBLEKERNELS_H
#define QLLM_LIB_NUMERICS_DOUBLEKERNELS_H

#include <cstdint>

namespace qllm::detail {

/// Tiles that all instruction sets share, so that packing is the same everywhere.
inline constexpr int64_t tileRows = 8, tileColumns = 16;

/// tile[8, 16] = sum over k of left[k * 8 + i] * right[k * 16 + j].
using TileKernel = void (*)(int64_t depth, const double *left, const double *right, double *tile);

/// The fastest one that this machine runs. Bits may differ between machines (fused additions), not
/// between runs.
TileKernel bestTileKernel();

} // namespace qllm::detail

#endif // QLLM_LIB_NUMERICS_DOUBLEKERNELS_H
