// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of aligned products, eight columns at a time so that the loops over columns become vector
// code.

#include "AlignedSum.h"
#include "qllm/Format/HalfFloat.h"
#include "qllm/Support/TargetClones.h"
#include <array>
#include <cmath>
#include <limits>

using namespace qllm;
using namespace qllm::emu;

namespace {

struct Layout {
  int exponentBits, mantissaBits, bias;
};

Layout layoutOf(Element element) {
  switch (element) {
  case Element::F16:
    return {5, 10, 15};
  case Element::E4M3:
    return {4, 3, 7};
  case Element::E5M2:
    return {5, 2, 15};
  default:
    return {8, 7, 127};
  }
}

double toDouble(Decoded value, int fractionBits) {
  if (value.exponent == Decoded::kSpecial)
    return value.significand ? value.significand * std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
  return std::ldexp(value.significand, value.exponent - fractionBits);
}

using Columns32 = std::array<int32_t, kColumns>;
using Columns64 = std::array<int64_t, kColumns>;

/// exponents[j] = the largest of exponents[j] and those of the products.
QLLM_CLONES void largestExponents(const int32_t *a, const int32_t *b, unsigned count,
                                  int32_t *exponents) {
  for (unsigned k = 0; k < count; ++k)
    for (unsigned j = 0; j < kColumns; ++j)
      exponents[j] = std::max(exponents[j], a[k] + b[k * kColumns + j]);
}

/// sums[j] = the products in units of 2^(exponents[j] - fractionBits), each cut toward zero. Eight
/// terms of 28 bits at most fit 32 bits.
QLLM_CLONES void alignedSums(DecodedValues a, DecodedValues b, unsigned count, int fractionBits,
                             const int32_t *exponents, int64_t *sums) {
  const int up = 8, fraction = 20; // of a product of two significands with 10 fraction bits
  for (unsigned j = 0; j < kColumns; ++j)
    sums[j] = 0;
  for (unsigned begin = 0; begin < count; begin += 8) {
    int32_t partial[kColumns] = {};
    for (unsigned k = begin; k < std::min(begin + 8, count); ++k)
      for (unsigned j = 0; j < kColumns; ++j) {
        int32_t product = a.significands[k] * b.significands[k * kColumns + j],
                sign = product >> 31;
        int32_t right = exponents[j] - a.exponents[k] - b.exponents[k * kColumns + j] + fraction -
                        fractionBits + up;
        uint32_t magnitude = uint32_t((product ^ sign) - sign) << up >> std::min(right, 31);
        partial[j] += (int32_t(magnitude) ^ sign) - sign;
      }
    for (unsigned j = 0; j < kColumns; ++j)
      sums[j] += partial[j];
  }
}

/// The sum in f64, for special values and for the exact model.
double plainSum(DecodedValues a, DecodedValues b, unsigned count, unsigned column, float c) {
  double sum = c;
  for (unsigned k = 0; k < count; ++k)
    sum +=
        toDouble({a.significands[k], a.exponents[k]}, 10) *
        toDouble({b.significands[k * kColumns + column], b.exponents[k * kColumns + column]}, 10);
  return sum;
}

unsigned fraction(unsigned architecture) {
  return architecture >= 90 ? 25 : architecture >= 75 ? 24 : 23;
}

} // namespace

Decoded qllm::emu::decode(uint32_t bits, Element element) {
  Layout layout = layoutOf(element);
  int exponent = int(bits >> layout.mantissaBits) & ((1 << layout.exponentBits) - 1);
  int mantissa = int(bits) & ((1 << layout.mantissaBits) - 1);
  int sign = bits >> (layout.exponentBits + layout.mantissaBits) & 1 ? -1 : 1;
  bool topExponent = exponent == (1 << layout.exponentBits) - 1;
  if (element == Element::E4M3 ? topExponent && mantissa == 7 : topExponent)
    return {mantissa ? 0 : sign, Decoded::kSpecial};
  int significand = (exponent ? mantissa | 1 << layout.mantissaBits : mantissa)
                    << (10 - layout.mantissaBits);
  return {sign * significand, significand ? std::max(exponent, 1) - layout.bias : kLeastExponent};
}

FloatModel qllm::emu::floatModel(unsigned architecture, const Mma &operation) {
  bool eightBits = elementBits(operation.a) == 8;
  if (eightBits && architecture == 89)
    return {13, 16, 13};
  // The array is 16 bytes deep before Hopper, 32 from Hopper on, which has no 8-bit floats of its
  // own in warps: they become f16.
  unsigned depth = architecture >= 90 ? 16 : 8;
  return {fraction(architecture), eightBits && architecture != 90 ? 2 * depth : depth};
}

FloatModel qllm::emu::floatModel(const BlockScaledMma &operation) {
  return {operation.isGrouped() ? 35 : 25, operation.k};
}

FloatModel qllm::emu::floatModel(unsigned architecture, const WarpgroupMma &operation) {
  if (elementBits(operation.a) == 8)
    return {13, 32, 13};
  return {fraction(architecture), 16};
}

FloatModel qllm::emu::exactModel() { return {std::nullopt, ~0u}; }

void qllm::emu::fusedDots(const FloatModel &model, Element accumulator, DecodedValues a,
                          DecodedValues b, unsigned count, const float *c, float *d) {
  Columns32 exponents;
  std::array<Decoded, kColumns> start;
  for (unsigned j = 0; j < kColumns; ++j) {
    start[j] = decodeFloat(c[j]);
    exponents[j] = start[j].exponent;
  }
  largestExponents(a.exponents, b.exponents, count, exponents.data());
  Columns64 sums;
  int fractionBits = model.fractionBits.value_or(0);
  if (model.fractionBits)
    alignedSums(a, b, count, fractionBits, exponents.data(), sums.data());
  for (unsigned j = 0; j < kColumns; ++j) {
    // An infinity or a NaN among the terms makes the largest exponent about kSpecial.
    if (!model.fractionBits || exponents[j] >= Decoded::kSpecial / 2) {
      d[j] = roundedSum(plainSum(a, b, count, j, c[j]), accumulator);
      continue;
    }
    int64_t sum = sums[j] + shifted(start[j].significand,
                                    exponents[j] - start[j].exponent + 23 - fractionBits);
    bool half = accumulator == Element::F16;
    float value = cutSum(sum, exponents[j] - fractionBits, half ? 23 : model.resultBits, half);
    d[j] = half ? halfToFloat(floatToHalf(value)) : value;
  }
}
