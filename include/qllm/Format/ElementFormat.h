// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The number formats of single elements, at most eight bits each: what every code means, and which
// code is nearest to a value. Formats are described in docs/formats/elements.md.

#ifndef QLLM_FORMAT_ELEMENTFORMAT_H
#define QLLM_FORMAT_ELEMENTFORMAT_H

#include "qllm/Format/Span.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace qllm {

/// What a code stands for.
enum class ElementKind : std::uint8_t {
  SignedInteger,   ///< two's complement
  UnsignedInteger, ///< plain binary
  Minifloat,       ///< sign, exponent, fraction; UE8M0 is the one without sign and fraction
  Codebook,        ///< an ascending table of real values
  Ternary,         ///< -1, 0 and 1 as two's complement in two bits
};

/// What encoding does with a magnitude above the largest finite value.
enum class Overflow : std::uint8_t {
  Saturate,  ///< the largest finite value, for infinities too
  NonFinite, ///< infinity where the format has one, else NaN, else as Saturate
};

/// Field widths of a minifloat. A normal code is worth (-1)^S 2^(E-bias) (1 + M/2^fractionBits).
struct MinifloatLayout {
  std::uint8_t exponentBits = 0;
  std::uint8_t fractionBits = 0;
  std::int16_t bias = 0;
  std::uint8_t maxCode = 0; ///< code of the largest finite value
};

/// One element format. Objects are immutable, live for the whole program and are compared by
/// address.
///
/// A *code byte* carries one code: signed integers and ternary are sign-extended to eight bits,
/// everything else is zero-extended. `decode` ignores the bits above `bits()`, `encode` always
/// returns the extended form.
class ElementFormat {
public:
  /// `intN` or `uintN`; `bits` from 2 to 8, else null.
  static const ElementFormat *integer(unsigned bits, bool isSigned);
  /// fp8, max 448, no infinity, NaN at S.1111.111 (OCP OFP8 v1.0).
  static const ElementFormat &e4m3();
  /// fp8, max 57344, infinities and NaNs as in IEEE formats (OCP OFP8 v1.0).
  static const ElementFormat &e5m2();
  /// fp6, max 28, finite values only (OCP MX v1.0, 5.3.2).
  static const ElementFormat &e3m2();
  /// fp6, max 7.5, finite values only (OCP MX v1.0, 5.3.2).
  static const ElementFormat &e2m3();
  /// fp4, max 6, finite values only (OCP MX v1.0, 5.3.3).
  static const ElementFormat &e2m1();
  /// Scales 2^(code-127); 255 is NaN (OCP MX v1.0, 5.4.1).
  static const ElementFormat &ue8m0();
  /// NormalFloat: 16 values in [-1, 1] (QLoRA, arXiv 2305.14314, appendix E).
  static const ElementFormat &nf4();
  /// -1, 0 and 1.
  static const ElementFormat &ternary();
  /// The format called `name`: int2..int8, uint2..uint8, e4m3, e5m2, e3m2, e2m3, e2m1, ue8m0, nf4,
  /// ternary; or null.
  static const ElementFormat *lookup(std::string_view name);
  /// Every format, in the order of the names above.
  static Span<const ElementFormat> all();

  std::string_view name() const { return label; }
  ElementKind kind() const { return formatKind; }
  bool isInteger() const {
    return formatKind == ElementKind::SignedInteger || formatKind == ElementKind::UnsignedInteger;
  }
  /// Whether code bytes are sign-extended.
  bool isSignExtended() const {
    return formatKind == ElementKind::SignedInteger || formatKind == ElementKind::Ternary;
  }
  /// Bits of information in a code.
  unsigned bits() const { return width; }
  /// Bits a code takes in the packed layout (docs/formats/packing.md): 2, 4, 6 or 8.
  unsigned storageBits() const { return storageWidth; }
  /// Number of codes, 2^bits.
  unsigned codeCount() const { return 1u << width; }

  /// The value of a code; NaN where the code has none (NaN codes, UE8M0's 255, ternary's 0b10).
  float decode(std::uint8_t code) const { return values[code]; }
  /// `decode` of all 256 code bytes, for loops.
  const float *decodeTable() const { return values.data(); }
  /// Whether the code stands for a finite value.
  bool isFinite(std::uint8_t code) const;

  /// The code whose value is nearest to `value`; ties go to the even code, except in NF4 (lower
  /// value, as published) and UE8M0 (larger value). Out-of-range values follow `overflow`. The sign
  /// of zero is kept where the format has one. NaN gives the NaN of its sign, or the code of zero
  /// in a format without NaN. UE8M0 has no zero and no sign: zero becomes its smallest value,
  /// anything negative NaN.
  std::uint8_t encode(float value, Overflow overflow = Overflow::Saturate) const;

  /// The largest finite value.
  float maxFinite() const { return largest; }
  /// The lowest finite value: 0 for unsigned integers, 2^-127 for UE8M0.
  float minFinite() const { return lowest; }
  /// The smallest value above zero, subnormals included.
  float smallestPositive() const { return tiniest; }
  bool hasInfinity() const { return infinityCode != 0; }
  bool hasNaN() const { return nanCode != 0; }
  /// Field widths; meaningful for `Minifloat` only.
  const MinifloatLayout &minifloat() const { return layout; }
  /// The 15 decision points of a codebook: a value belongs to the code that counts the points below
  /// it.
  Span<const float> thresholds() const { return Span<const float>(decisionPoints.data(), 15); }

private:
  friend struct ElementFormatBuilder;
  std::string label;
  ElementKind formatKind = ElementKind::UnsignedInteger;
  std::uint8_t width = 0;
  std::uint8_t storageWidth = 0;
  std::uint8_t infinityCode = 0; // positive infinity, 0 for none
  std::uint8_t nanCode = 0;      // canonical positive NaN, 0 for none
  MinifloatLayout layout;
  float largest = 0, lowest = 0, tiniest = 0;
  std::array<float, 256> values{};
  std::array<float, 16> decisionPoints{};
};

} // namespace qllm

#endif // QLLM_FORMAT_ELEMENTFORMAT_H
