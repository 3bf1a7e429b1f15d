// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One factor of a rotation on one row of channels: what `qllm.rotate_channels` computes, fast
// enough to run for every token. A row of n channels is cut into n / (size stride) parts of
// `size` times `stride` channels, and channels that are `stride` apart are mixed.

#ifndef QLLM_NUMERICS_ROTATION_H
#define QLLM_NUMERICS_ROTATION_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>

namespace qllm {

/// y[(i size + j) stride + t] = sum over k of x[(i size + k) stride + t] * matrix[k, j], with
/// `inverse` times matrix[j, k]. `matrix` is row-major, size by size; size * stride divides the
/// number of elements of `input`, and `output` has as many and is not `input`.
void rotateRow(llvm::ArrayRef<float> matrix, int64_t size, int64_t stride, bool inverse,
               llvm::ArrayRef<float> input, llvm::MutableArrayRef<float> output);

/// The same with Sylvester's Hadamard matrix, 2^(-m/2) (-1)^popcount(k & j) for size = 2^m, in
/// place and in m additions for each element. It is its own inverse.
void hadamardRow(int64_t size, int64_t stride, llvm::MutableArrayRef<float> row);

} // namespace qllm

#endif // QLLM_NUMERICS_ROTATION_H
