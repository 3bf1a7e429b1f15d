// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floats of 4 to 8 bits, as NVVM converts from and to them.

#ifndef QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H
#define QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H

#include <cstdint>

namespace qllm::emu {

/// A format of 4 to 8 bits: one sign bit, then exponent, then mantissa bits.
struct SmallFloat {
  int exponentBits, mantissaBits, bias;
  /// e5m2 has infinities and NaNs like IEEE types, e4m3 one NaN (all ones), the others neither.
  enum Specials : uint8_t { Ieee, OneNan, None } specials;
};

constexpr SmallFloat kE4M3{4, 3, 7, SmallFloat::OneNan};
constexpr SmallFloat kE5M2{5, 2, 15, SmallFloat::Ieee};
constexpr SmallFloat kE2M3{2, 3, 1, SmallFloat::None};
constexpr SmallFloat kE3M2{3, 2, 3, SmallFloat::None};
constexpr SmallFloat kE2M1{2, 1, 1, SmallFloat::None};

/// The value with these bits; exact.
float decodeSmall(const SmallFloat &format, uint32_t bits);

/// The nearest value of the format, ties to even. Magnitudes past the largest finite one become it
/// (infinity too); a NaN becomes the format's NaN, or its largest value where it has none.
uint32_t encodeSmall(const SmallFloat &format, float value);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H
