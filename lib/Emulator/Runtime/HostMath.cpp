// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic that compiled kernels call because LLVM for the host has nothing with the same
// rounding, or nothing at all. What a GPU approximates within an error bound is the host's best
// value here.

#include "Symbols.h"
#include "qllm/Emulator/Runtime/Ops/Convert.h"
#include "qllm/Format/HalfFloat.h"
#include <algorithm>
#include <cmath>
#include <cstring>

using namespace qllm;
using namespace qllm::emu;

namespace {

/// a * b + c to odd: when the last bit of the result is even, the result is exact. It can then be
/// rounded to any type of at most 51 bits as if from the exact value.
double fusedToOdd(double a, double b, double c) {
  double product = a * b; // exact for 16-bit floats
  double sum = product + c, rest = sum - product;
  double error = (product - (sum - rest)) + (c - rest);
  if (error == 0 || !std::isfinite(sum))
    return sum;
  uint64_t bits;
  std::memcpy(&bits, &sum, sizeof bits);
  if (bits & 1)
    return sum;
  // The exact value lies between sum and its odd neighbour on the side of the error.
  return std::nextafter(sum, error > 0 ? INFINITY : -INFINITY);
}

/// f64 to f32 to odd.
float narrowToOdd(double value) {
  float nearest = float(value);
  if (double(nearest) == value || !std::isfinite(nearest) || floatToBits(nearest) & 1)
    return nearest;
  return std::nextafter(nearest, value > double(nearest) ? INFINITY : -INFINITY);
}

uint32_t fmaHalf(uint32_t a, uint32_t b, uint32_t c) {
  auto value = [](uint32_t bits) { return halfToFloat(uint16_t(bits)); };
  return floatToHalf(narrowToOdd(fusedToOdd(value(a), value(b), value(c))));
}

uint32_t fmaBFloat16(uint32_t a, uint32_t b, uint32_t c) {
  auto value = [](uint32_t bits) { return bfloat16ToFloat(uint16_t(bits)); };
  return floatToBFloat16(narrowToOdd(fusedToOdd(value(a), value(b), value(c))));
}

/// Two f32 to two values of a format of at most 8 bits; the first goes to the high half. relu keeps
/// NaN.
template <const ElementFormat &(*format)()>
uint32_t encodePair(float high, float low, uint32_t relu) {
  auto encode = [&](float value) {
    return encodeSmall(format(), relu && value < 0 ? 0.0f : value);
  };
  unsigned width = format().bits() == 4 ? 4 : 8;
  return encode(high) << width | encode(low);
}

uint32_t encodePowerPair(float high, float low, uint32_t flags) {
  auto encode = [&](float value) { return encodePower(value, flags & 1, flags & 2); };
  return encode(high) << 8 | encode(low);
}

/// Every NaN as a machine's, which keeps all its ones in narrower types.
template <const ElementFormat &(*format)()> float decodeOne(uint32_t bits) {
  float value = format().decode(uint8_t(bits));
  return std::isnan(value) ? bitsToFloat(0x7fffffff) : value;
}

/// What LLVM for the host calls to round to bf16. Its result is returned in the lowest bits of a
/// floating-point register.
float truncateToBFloat16(float value) { return bitsToFloat(floatToBFloat16(value)); }

/// cvt.pack.sat: b in the low byte, a above it, c above both.
uint32_t packSigned(uint32_t a, uint32_t b, uint32_t c) {
  auto saturated = [](uint32_t value) { return uint8_t(std::clamp(int32_t(value), -128, 127)); };
  return c << 16 | uint32_t(saturated(a)) << 8 | saturated(b);
}
uint32_t packUnsigned(uint32_t a, uint32_t b, uint32_t c) {
  auto saturated = [](uint32_t value) { return uint8_t(std::clamp(int32_t(value), 0, 255)); };
  return c << 16 | uint32_t(saturated(a)) << 8 | saturated(b);
}

/// cvt.rni.s32.f32: to nearest even, saturating, NaN to zero.
int32_t roundToInteger(float value) {
  if (std::isnan(value))
    return 0;
  return int32_t(std::clamp(std::nearbyint(double(value)), double(INT32_MIN), double(INT32_MAX)));
}

float reciprocal(float value) { return 1.0f / value; }
float reciprocalRoot(float value) { return float(1.0 / std::sqrt(double(value))); }

} // namespace

void qllm::emu::addMathSymbols(std::vector<RuntimeSymbol> &symbols) {
  auto add = [&](const char *name, auto *function) {
    symbols.push_back({name, reinterpret_cast<void *>(function), false});
  };
  using Unary = float(float);
  using Binary = float(float, float);
  add("qllm_emu_fma_f16", fmaHalf);
  add("qllm_emu_fma_bf16", fmaBFloat16);
  add("qllm_emu_encode_e4m3x2", encodePair<ElementFormat::e4m3>);
  add("qllm_emu_encode_e5m2x2", encodePair<ElementFormat::e5m2>);
  add("qllm_emu_encode_e2m3x2", encodePair<ElementFormat::e2m3>);
  add("qllm_emu_encode_e3m2x2", encodePair<ElementFormat::e3m2>);
  add("qllm_emu_encode_e2m1x2", encodePair<ElementFormat::e2m1>);
  add("qllm_emu_encode_ue8m0x2", encodePowerPair);
  add("qllm_emu_decode_e4m3", decodeOne<ElementFormat::e4m3>);
  add("qllm_emu_decode_e5m2", decodeOne<ElementFormat::e5m2>);
  add("qllm_emu_decode_e2m3", decodeOne<ElementFormat::e2m3>);
  add("qllm_emu_decode_e3m2", decodeOne<ElementFormat::e3m2>);
  add("qllm_emu_decode_e2m1", decodeOne<ElementFormat::e2m1>);
  add("qllm_emu_decode_ue8m0", decodeOne<ElementFormat::ue8m0>);
  add("qllm_emu_pack_s8", packSigned);
  add("qllm_emu_pack_u8", packUnsigned);
  add("qllm_emu_round_s32", roundToInteger);
  add("qllm_emu_exp2", static_cast<Unary *>(exp2f));
  add("qllm_emu_log2", static_cast<Unary *>(log2f));
  add("qllm_emu_reciprocal", reciprocal);
  add("qllm_emu_rsqrt", reciprocalRoot);
  add("qllm_emu_sqrt", static_cast<Unary *>(sqrtf));
  add("qllm_emu_tanh", static_cast<Unary *>(tanhf));
  add("__truncsfbf2", truncateToBFloat16);
  // What MLIR's lowering of the math dialect calls.
  add("__nv_expf", static_cast<Unary *>(expf));
  add("__nv_exp2f", static_cast<Unary *>(exp2f));
  add("__nv_logf", static_cast<Unary *>(logf));
  add("__nv_log2f", static_cast<Unary *>(log2f));
  add("__nv_sqrtf", static_cast<Unary *>(sqrtf));
  add("__nv_rsqrtf", reciprocalRoot);
  add("__nv_tanhf", static_cast<Unary *>(tanhf));
  add("__nv_erff", static_cast<Unary *>(erff));
  add("__nv_sinf", static_cast<Unary *>(sinf));
  add("__nv_cosf", static_cast<Unary *>(cosf));
  add("__nv_fabsf", static_cast<Unary *>(fabsf));
  add("__nv_floorf", static_cast<Unary *>(floorf));
  add("__nv_ceilf", static_cast<Unary *>(ceilf));
  add("__nv_rintf", static_cast<Unary *>(rintf));
  add("__nv_powf", static_cast<Binary *>(powf));
  add("__nv_fmaxf", static_cast<Binary *>(fmaxf));
  add("__nv_fminf", static_cast<Binary *>(fminf));
}
