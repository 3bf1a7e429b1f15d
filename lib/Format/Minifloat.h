// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rounding a float to a small float with integer arithmetic on its bits: no tables and no branches,
// so loops over it vectorize once the layout is a constant.

#ifndef QLLM_LIB_FORMAT_MINIFLOAT_H
#define QLLM_LIB_FORMAT_MINIFLOAT_H

#include "qllm/Format/ElementFormat.h"
#include "qllm/Format/HalfFloat.h"

namespace qllm::detail {

inline constexpr MinifloatLayout e4m3Layout{4, 3, 7, 0x7e};
inline constexpr MinifloatLayout e5m2Layout{5, 2, 15, 0x7b};
inline constexpr MinifloatLayout e3m2Layout{3, 2, 3, 0x1f};
inline constexpr MinifloatLayout e2m3Layout{2, 3, 1, 0x1f};
inline constexpr MinifloatLayout e2m1Layout{2, 1, 1, 0x07};

/// 2^exponent for exponents of normal floats.
constexpr std::uint32_t powerOfTwoBits(int exponent) {
  return static_cast<std::uint32_t>(exponent + 127) << 23;
}

/// Bits of the largest finite value of a layout.
constexpr std::uint32_t maxFiniteBits(MinifloatLayout layout) {
  return (std::uint32_t{layout.maxCode} << (23 - layout.fractionBits)) +
         (static_cast<std::uint32_t>(127 - layout.bias) << 23);
}

/// The nearest code, ties to even; saturates; NaN is taken for a large value (callers that can meet
/// one test first).
[[gnu::always_inline]] inline std::uint8_t encodeMinifloat(float value, MinifloatLayout layout) {
  const unsigned shift = 23 - layout.fractionBits;
  const std::uint32_t bits = floatToBits(value);
  std::uint32_t magnitude = bits & 0x7fffffffu;
  // Nothing can round up past the largest value once it is clamped to it.
  magnitude = magnitude < maxFiniteBits(layout) ? magnitude : maxFiniteBits(layout);
  // Normal codes: add half an ulp (less one when the last kept bit is even), truncate, rebias.
  const std::uint32_t half = (1u << (shift - 1)) - 1u;
  const std::uint32_t rebias = static_cast<std::uint32_t>(127 - layout.bias) << layout.fractionBits;
  const std::uint32_t normal = ((magnitude + half + ((magnitude >> shift) & 1u)) >> shift) - rebias;
  // Subnormal codes: adding the power of two whose ulp is the subnormal step makes the float adder
  // do the rounding.
  const std::uint32_t magic = powerOfTwoBits(24 - layout.bias - layout.fractionBits);
  const std::uint32_t subnormal = floatToBits(bitsToFloat(magnitude) + bitsToFloat(magic)) - magic;
  const std::uint32_t code = magnitude < powerOfTwoBits(1 - layout.bias) ? subnormal : normal;
  const unsigned signShift = 31 - layout.exponentBits - layout.fractionBits;
  return static_cast<std::uint8_t>(code | ((bits & 0x80000000u) >> signShift));
}

} // namespace qllm::detail

#endif // QLLM_LIB_FORMAT_MINIFLOAT_H
