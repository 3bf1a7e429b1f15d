// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Exact products of small integers.

#ifndef QLLM_TENSOR_INTEGERGEMM_H
#define QLLM_TENSOR_INTEGERGEMM_H

#include <cstdint>

namespace qllm {

/// The longest sum of products of bytes that 32 bits always hold.
inline constexpr int64_t maxIntegerDepth = (int64_t(1) << 31) / (255 * 128) - 1;

/// out[r, c] = sum over k < depth of left[r * leftStride + k] * right[c * rightStride + k],
/// exactly; both operands run along k in memory. `leftMax` and `rightMax` bound the magnitudes of
/// their elements (255 and 128 always hold); tight bounds are quicker on processors that add
/// products in 16 bits. In the calling thread; `depth` is at most `maxIntegerDepth`.
void integerMatmul(int64_t rows, int64_t columns, int64_t depth, const uint8_t *left,
                   int64_t leftStride, int leftMax, const int8_t *right, int64_t rightStride,
                   int rightMax, int32_t *out, int64_t outStride);

} // namespace qllm

#endif // QLLM_TENSOR_INTEGERGEMM_H
