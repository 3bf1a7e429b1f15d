// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Integer arithmetic on the parts of f32 values.

#include "AlignedSum.h"

#include "qllm/Format/HalfFloat.h"
#include <cmath>

using namespace qllm;
using namespace qllm::emu;

Decoded qllm::emu::decodeFloat(float value) {
  uint32_t bits = floatToBits(value);
  int exponent = bits >> 23 & 255, mantissa = bits & 0x7fffff, sign = bits >> 31 ? -1 : 1;
  if (exponent == 255)
    return {mantissa ? 0 : sign, Decoded::kSpecial};
  int significand = exponent ? mantissa | 0x800000 : mantissa;
  return {sign * significand, significand ? std::max(exponent, 1) - 127 : kLeastExponent};
}

float qllm::emu::cutSum(int64_t sum, int exponent, int fractionBits, bool sticky) {
  if (sum == 0)
    return 0;
  uint64_t magnitude = sum < 0 ? -uint64_t(sum) : uint64_t(sum);
  int top = 63 - __builtin_clzll(magnitude), value = top + exponent;
  uint32_t sign = sum < 0 ? 0x80000000u : 0;
  if (value > 127)
    return bitsToFloat(sign | 0x7f800000u);
  // Bits below the leading one that an f32 of this size has.
  int kept = value < kLeastExponent ? 149 + value : 23;
  if (kept < 0)
    return bitsToFloat(sign | uint32_t(sticky));
  int drop = top - kept;
  uint32_t significand = uint32_t(drop > 0 ? magnitude >> drop : magnitude << -drop);
  if (sticky && drop > 0 && magnitude & ((uint64_t(1) << drop) - 1))
    significand |= 1;
  significand &= ~uint32_t(0) << (23 - fractionBits);
  return bitsToFloat(sign | (value < kLeastExponent
                                 ? significand
                                 : uint32_t(value + 127) << 23 | (significand & 0x7fffff)));
}

float qllm::emu::roundedSum(double sum, Element accumulator) {
  if (std::isnan(sum))
    return bitsToFloat(0x7fffffff); // the one NaN that tensor cores give
  float value = float(sum);
  return accumulator == Element::F16 ? halfToFloat(floatToHalf(value)) : value;
}
