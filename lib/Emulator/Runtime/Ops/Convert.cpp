// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 4-, 6- and 8-bit floats.

#include "qllm/Emulator/Runtime/Ops/Convert.h"

#include <algorithm>
#include <cmath>

using namespace qllm::emu;

namespace {

uint32_t largestFinite(const SmallFloat &format) {
  uint32_t all = (1u << (format.exponentBits + format.mantissaBits)) - 1;
  switch (format.specials) {
  case SmallFloat::None:
    return all;
  case SmallFloat::OneNan:
    return all - 1;
  case SmallFloat::Ieee:
    break;
  }
  return all - (1u << format.mantissaBits);
}

uint32_t nanOf(const SmallFloat &format) {
  return format.specials == SmallFloat::None
             ? largestFinite(format)
             : (1u << (format.exponentBits + format.mantissaBits)) - 1;
}

} // namespace

float qllm::emu::decodeSmall(const SmallFloat &format, uint32_t bits) {
  int width = format.exponentBits + format.mantissaBits;
  uint32_t magnitude = bits & ((1u << width) - 1),
           mantissa = magnitude & ((1u << format.mantissaBits) - 1);
  int exponent = int(magnitude >> format.mantissaBits);
  float sign = bits >> width & 1 ? -1.0f : 1.0f;
  if (magnitude > largestFinite(format))
    return format.specials == SmallFloat::Ieee && mantissa == 0 ? sign * INFINITY : NAN;
  uint32_t significand = exponent ? mantissa | 1u << format.mantissaBits : mantissa;
  return sign *
         std::ldexp(float(significand), std::max(exponent, 1) - format.bias - format.mantissaBits);
}

uint32_t qllm::emu::encodeSmall(const SmallFloat &format, float value) {
  if (std::isnan(value))
    return nanOf(format);
  uint32_t sign = std::signbit(value) ? 1u << (format.exponentBits + format.mantissaBits) : 0;
  float magnitude = std::fabs(value), largest = decodeSmall(format, largestFinite(format));
  if (magnitude >= largest)
    return sign | largestFinite(format);
  // In units of the last place at this magnitude, which are whole numbers after rounding.
  int exponent =
      magnitude == 0 ? 1 - format.bias : std::max(std::ilogb(magnitude), 1 - format.bias);
  auto units = uint32_t(std::nearbyint(std::ldexp(magnitude, format.mantissaBits - exponent)));
  // A carry out of the mantissa moves on to the exponent by itself.
  uint32_t biased = uint32_t(exponent + format.bias - 1) << format.mantissaBits;
  return sign | std::min(biased + units, largestFinite(format));
}
