// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How tensor cores add floating-point products. No vendor documents it; the parameters are those
// that MMA-Sim (arXiv 2511.10909) measured: products are exact, all of them and the accumulator are
// aligned to the largest exponent and cut to some fraction bits, the sum of what is left is exact,
// and rounded once.

#ifndef QLLM_EMULATOR_RUNTIME_OPS_FLOATMODEL_H
#define QLLM_EMULATOR_RUNTIME_OPS_FLOATMODEL_H

#include "qllm/Emulator/Runtime/Ops/Collective.h"

namespace qllm::emu {

/// A value of 8 or 16 bits taken apart: significand * 2^(exponent - 10).
struct Decoded {
  static constexpr int32_t kSpecial = 1 << 20;
  /// At most 11 bits. With `exponent` kSpecial, 0 for NaN and 1 or -1 for an infinity.
  int32_t significand;
  int32_t exponent;
};

/// `bits` as a value of type `element`, one of F16, BF16, E4M3, E5M2.
Decoded decode(uint32_t bits, Element element);

struct FloatModel {
  /// Fraction bits that an aligned term keeps. Without, sums are made in f64 and rounded once to
  /// nearest: no tensor core does that, but it is what a reference computes.
  std::optional<int> fractionBits;
  /// Products summed at once; a longer row is several sums, one after the other.
  unsigned chunk;
  /// Fraction bits of the result.
  int resultBits = 23;
};

/// The model of `architecture`, 80 for sm_80 and so on.
FloatModel floatModel(unsigned architecture, const Mma &operation);
FloatModel floatModel(unsigned architecture, const WarpgroupMma &operation);
/// The same on every architecture that has them.
FloatModel floatModel(const BlockScaledMma &operation);

/// Sums rounded once.
FloatModel exactModel();

/// Significands and exponents of values.
struct DecodedValues {
  const int32_t *significands;
  const int32_t *exponents;
};

/// Columns that `fusedDots` computes together.
constexpr unsigned kColumns = 8;

/// One row of A, `count` values, times eight columns of B, added to c. Element k of column j of B
/// is at 8 k + j. Results are f32 values; those of an F16 accumulator are rounded to the nearest
/// f16.
void fusedDots(const FloatModel &model, Element accumulator, DecodedValues a, DecodedValues b,
               unsigned count, const float *c, float *d);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_OPS_FLOATMODEL_H
