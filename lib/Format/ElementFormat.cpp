// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The registry of element formats: decode tables are computed from the definitions once, encoding
// is arithmetic.

#include "qllm/Format/ElementFormat.h"

#include "Minifloat.h"

#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace qllm {

namespace {

constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

// QLoRA (arXiv 2305.14314), appendix E.
constexpr float nf4Values[16] = {-1.0f,
                                 -0.6961928009986877f,
                                 -0.5250730514526367f,
                                 -0.39491748809814453f,
                                 -0.28444138169288635f,
                                 -0.18477343022823334f,
                                 -0.09105003625154495f,
                                 0.0f,
                                 0.07958029955625534f,
                                 0.16093020141124725f,
                                 0.24611230194568634f,
                                 0.33791524171829224f,
                                 0.44070982933044434f,
                                 0.5626170039176941f,
                                 0.7229568362236023f,
                                 1.0f};

// The largest float that is not above the exact midpoint of two codebook values, so that `x >
// threshold` decides as the real numbers would, with a tie staying at the lower value. The sum of
// two such floats is exact in double.
float midpointBelow(float low, float high) {
  double middle = (double{low} + double{high}) / 2;
  float rounded = static_cast<float>(middle);
  return rounded > middle ? std::nextafter(rounded, -infinity) : rounded;
}

// The value of a minifloat code without its sign, special codes aside.
float minifloatMagnitude(unsigned code, MinifloatLayout layout) {
  int exponent = static_cast<int>(code >> layout.fractionBits);
  int fraction = static_cast<int>(code & ((1u << layout.fractionBits) - 1u));
  int unit = (exponent == 0 ? 1 : exponent) - layout.bias - layout.fractionBits;
  int significand = exponent == 0 ? fraction : fraction + (1 << layout.fractionBits);
  return std::ldexp(static_cast<float>(significand), unit);
}

unsigned storageBitsFor(ElementKind kind, unsigned bits) {
  if (bits <= 2)
    return 2;
  if (bits <= 4)
    return 4;
  return kind == ElementKind::Minifloat && bits == 6 ? 6 : 8;
}

} // namespace

/// Fills the private members; the only writer.
struct ElementFormatBuilder {
  static ElementFormat start(std::string name, ElementKind kind, unsigned bits) {
    ElementFormat format;
    format.label = std::move(name);
    format.formatKind = kind;
    format.width = static_cast<std::uint8_t>(bits);
    format.storageWidth = static_cast<std::uint8_t>(storageBitsFor(kind, bits));
    return format;
  }

  // Repeats the codes over the ignored high bits and takes the limits from the table.
  static ElementFormat finish(ElementFormat format) {
    format.largest = -infinity;
    format.lowest = format.tiniest = infinity;
    for (unsigned code = 0; code != 256; ++code) {
      float value = format.values[code] = format.values[code & (format.codeCount() - 1)];
      if (!std::isfinite(value))
        continue;
      format.largest = std::fmax(format.largest, value);
      format.lowest = std::fmin(format.lowest, value);
      if (value > 0)
        format.tiniest = std::fmin(format.tiniest, value);
    }
    return format;
  }

  static ElementFormat integer(unsigned bits, bool isSigned) {
    ElementFormat format =
        start((isSigned ? "int" : "uint") + std::to_string(bits),
              isSigned ? ElementKind::SignedInteger : ElementKind::UnsignedInteger, bits);
    int count = static_cast<int>(format.codeCount());
    for (int code = 0; code != count; ++code)
      format.values[code] = static_cast<float>(isSigned && code >= count / 2 ? code - count : code);
    return finish(std::move(format));
  }

  static ElementFormat minifloat(std::string name, MinifloatLayout layout, unsigned infinityCode,
                                 unsigned nanCode) {
    unsigned signBit = layout.exponentBits + layout.fractionBits;
    ElementFormat format = start(std::move(name), ElementKind::Minifloat, signBit + 1);
    format.layout = layout;
    format.infinityCode = static_cast<std::uint8_t>(infinityCode);
    format.nanCode = static_cast<std::uint8_t>(nanCode);
    for (unsigned code = 0; code != 1u << signBit; ++code) {
      float value = minifloatMagnitude(code, layout);
      if (code > layout.maxCode)
        value = infinityCode != 0 && code == infinityCode ? infinity : notANumber;
      format.values[code] = value;
      format.values[code | (1u << signBit)] = -value;
    }
    return finish(std::move(format));
  }

  static ElementFormat ue8m0() {
    ElementFormat format = start("ue8m0", ElementKind::Minifloat, 8);
    format.layout = {8, 0, 127, 0xfe};
    format.nanCode = 0xff;
    for (int code = 0; code != 255; ++code)
      format.values[code] = std::ldexp(1.0f, code - 127);
    format.values[255] = notANumber;
    return finish(std::move(format));
  }

  static ElementFormat nf4() {
    ElementFormat format = start("nf4", ElementKind::Codebook, 4);
    for (unsigned code = 0; code != 16; ++code)
      format.values[code] = nf4Values[code];
    for (unsigned code = 0; code != 15; ++code)
      format.decisionPoints[code] = midpointBelow(nf4Values[code], nf4Values[code + 1]);
    return finish(std::move(format));
  }

  static ElementFormat ternary() {
    ElementFormat format = start("ternary", ElementKind::Ternary, 2);
    format.values = {0.0f, 1.0f, notANumber, -1.0f};
    return finish(std::move(format));
  }
};

namespace {

struct Registry {
  std::vector<ElementFormat> formats;

  Registry() {
    using Builder = ElementFormatBuilder;
    for (bool isSigned : {true, false})
      for (unsigned bits = 2; bits <= 8; ++bits)
        formats.push_back(Builder::integer(bits, isSigned));
    formats.push_back(Builder::minifloat("e4m3", detail::e4m3Layout, 0, 0x7f));
    formats.push_back(Builder::minifloat("e5m2", detail::e5m2Layout, 0x7c, 0x7e));
    formats.push_back(Builder::minifloat("e3m2", detail::e3m2Layout, 0, 0));
    formats.push_back(Builder::minifloat("e2m3", detail::e2m3Layout, 0, 0));
    formats.push_back(Builder::minifloat("e2m1", detail::e2m1Layout, 0, 0));
    formats.push_back(Builder::ue8m0());
    formats.push_back(Builder::nf4());
    formats.push_back(Builder::ternary());
  }
};

constexpr unsigned integerWidths = 7;

const std::vector<ElementFormat> &registry() {
  static const Registry instance;
  return instance.formats;
}

const ElementFormat &afterIntegers(unsigned index) { return registry()[2 * integerWidths + index]; }

} // namespace

const ElementFormat *ElementFormat::integer(unsigned bits, bool isSigned) {
  if (bits < 2 || bits > 8)
    return nullptr;
  return &registry()[(isSigned ? 0 : integerWidths) + bits - 2];
}

const ElementFormat &ElementFormat::e4m3() { return afterIntegers(0); }
const ElementFormat &ElementFormat::e5m2() { return afterIntegers(1); }
const ElementFormat &ElementFormat::e3m2() { return afterIntegers(2); }
const ElementFormat &ElementFormat::e2m3() { return afterIntegers(3); }
const ElementFormat &ElementFormat::e2m1() { return afterIntegers(4); }
const ElementFormat &ElementFormat::ue8m0() { return afterIntegers(5); }
const ElementFormat &ElementFormat::nf4() { return afterIntegers(6); }
const ElementFormat &ElementFormat::ternary() { return afterIntegers(7); }

const ElementFormat *ElementFormat::lookup(std::string_view name) {
  for (const ElementFormat &format : registry())
    if (format.name() == name)
      return &format;
  return nullptr;
}

Span<const ElementFormat> ElementFormat::all() { return registry(); }

bool ElementFormat::isFinite(std::uint8_t code) const { return std::isfinite(decode(code)); }

} // namespace qllm
