// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code nearest to a value, for each kind of format.

#include "qllm/Format/ElementFormat.h"

#include "Minifloat.h"

#include <cmath>

namespace qllm {

namespace {

std::uint8_t encodeUE8M0(float value, Overflow overflow) {
  if (std::isnan(value) || value < 0)
    return 0xff;
  std::uint32_t magnitude = floatToBits(value) & 0x7fffffffu;
  if (magnitude < 0x00800000u) // Below 2^-126: 1.5 * 2^-127 and up are nearer to it.
    return magnitude >= 0x00600000u;
  // Half way between two powers of two the fraction is 0x400000, which carries into the exponent:
  // ties go up.
  std::uint32_t code = (magnitude + 0x00400000u) >> 23;
  if (code <= 0xfe)
    return static_cast<std::uint8_t>(code);
  return overflow == Overflow::Saturate ? 0xfe : 0xff;
}

std::uint8_t encodeInteger(float value, const ElementFormat &format) {
  if (std::isnan(value))
    return 0;
  float clamped = std::fmin(std::fmax(value, format.minFinite()), format.maxFinite());
  return static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(clamped)));
}

std::uint8_t encodeCodebook(float value, const ElementFormat &format) {
  if (std::isnan(value))
    return format.encode(0.0f);
  unsigned code = 0;
  for (float threshold : format.thresholds())
    code += value > threshold;
  return static_cast<std::uint8_t>(code);
}

} // namespace

std::uint8_t ElementFormat::encode(float value, Overflow overflow) const {
  switch (formatKind) {
  case ElementKind::SignedInteger:
  case ElementKind::UnsignedInteger:
  case ElementKind::Ternary:
    return encodeInteger(value, *this);
  case ElementKind::Codebook:
    return encodeCodebook(value, *this);
  case ElementKind::Minifloat:
    break;
  }
  if (layout.fractionBits == 0)
    return encodeUE8M0(value, overflow);
  std::uint8_t sign = std::signbit(value) ? static_cast<std::uint8_t>(1u << (width - 1)) : 0;
  if (std::isnan(value))
    return nanCode != 0 ? sign | nanCode : 0;
  std::uint8_t code = detail::encodeMinifloat(value, layout);
  if (overflow == Overflow::Saturate || (infinityCode | nanCode) == 0)
    return code;
  // Overflow starts where rounding would, with one more exponent, leave the largest finite value:
  // at half its ulp above it, a tie going the way of the even code.
  float ulp = largest - values[layout.maxCode - 1];
  float border = largest + ulp / 2;
  bool overflows =
      std::fabs(value) > border || (std::fabs(value) == border && (layout.maxCode & 1));
  if (!overflows)
    return code;
  return sign | (infinityCode != 0 ? infinityCode : nanCode);
}

} // namespace qllm
