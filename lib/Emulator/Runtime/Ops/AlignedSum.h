// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps of the sums that tensor cores make: an f32 taken apart, a term aligned to an exponent, and
// a sum cut to an f32.

#ifndef QLLM_LIB_EMULATOR_RUNTIME_OPS_ALIGNEDSUM_H
#define QLLM_LIB_EMULATOR_RUNTIME_OPS_ALIGNEDSUM_H

#include "qllm/Emulator/Runtime/Ops/FloatModel.h"
#include <algorithm>

namespace qllm::emu {

/// Exponent of the smallest normal f32, which zeros take part with.
constexpr int32_t kLeastExponent = -126;

/// An f32 taken apart: significand * 2^(exponent - 23).
Decoded decodeFloat(float value);

/// `significand` shifted to the right by `right` bits, or to the left, and cut toward zero.
inline int64_t shifted(int64_t significand, int right) {
  int64_t magnitude = significand < 0 ? -significand : significand;
  magnitude = right >= 0 ? magnitude >> std::min(right, 63) : magnitude << -right;
  return significand < 0 ? -magnitude : magnitude;
}

/// sum * 2^exponent cut toward zero to `fractionBits` (at most 23) fraction bits; with `sticky`,
/// the last bit tells that something was cut, so that the result can be rounded again.
float cutSum(int64_t sum, int exponent, int fractionBits, bool sticky);

/// A sum that was made in f64, as the accumulator holds it.
float roundedSum(double sum, Element accumulator);

} // namespace qllm::emu

#endif // QLLM_LIB_EMULATOR_RUNTIME_OPS_ALIGNEDSUM_H
