// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// IEEE binary16 and bfloat16 to and from float, bit by bit and without branches in the common path,
// so that loops over them vectorize. Rounding is to nearest, ties to even; results do not depend on
// the machine.

#ifndef QLLM_FORMAT_HALFFLOAT_H
#define QLLM_FORMAT_HALFFLOAT_H

#include <cstdint>
#include <cstring>

namespace qllm {

inline std::uint32_t floatToBits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

inline float bitsToFloat(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// The float with these bfloat16 bits; exact.
inline float bfloat16ToFloat(std::uint16_t bits) { return bitsToFloat(std::uint32_t{bits} << 16); }

/// The nearest bfloat16. Overflow gives infinity; a NaN stays a (quiet) NaN with its sign.
inline std::uint16_t floatToBFloat16(float value) {
  std::uint32_t bits = floatToBits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  bits += 0x7fffu + ((bits >> 16) & 1u);
  return static_cast<std::uint16_t>(bits >> 16);
}

/// The float with these binary16 bits; exact, subnormals, infinities and NaN payloads included.
inline float halfToFloat(std::uint16_t half) {
  std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  std::uint32_t magnitude = half & 0x7fffu;
  if (magnitude >= 0x7c00u) // Infinity or NaN: same fraction bits, all-ones exponent.
    return bitsToFloat(sign | 0x7f800000u | ((magnitude & 0x3ffu) << 13));
  // As float bits the fields sit in place but the exponent bias is 15 instead of 127; one exact
  // multiplication repairs normals and subnormals alike.
  return bitsToFloat(sign | floatToBits(bitsToFloat(magnitude << 13) * 0x1p112f));
}

/// The nearest binary16. Magnitudes from 65520 up give infinity; a NaN becomes the quiet NaN of its
/// sign.
inline std::uint16_t floatToHalf(float value) {
  std::uint32_t bits = floatToBits(value);
  std::uint32_t sign = (bits >> 16) & 0x8000u;
  std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<std::uint16_t>(sign | 0x7e00u);
  if (magnitude >= 0x477ff000u) // 65520, half way between the largest half and 2^16
    return static_cast<std::uint16_t>(sign | 0x7c00u);
  std::uint32_t rounded;
  if (magnitude <
      0x38800000u) // Below 2^-14: let the float adder round to the subnormal step 2^-24.
    rounded = floatToBits(bitsToFloat(magnitude) + 0.5f) - floatToBits(0.5f);
  else
    rounded = ((magnitude + 0xfffu + ((magnitude >> 13) & 1u)) >> 13) - (112u << 10);
  return static_cast<std::uint16_t>(sign | rounded);
}

} // namespace qllm

#endif // QLLM_FORMAT_HALFFLOAT_H
