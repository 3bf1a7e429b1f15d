// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/VectorMath.h"
#include "qllm/Support/TargetClones.h"
#include "llvm/ADT/bit.h"
#include <algorithm>
#include <cmath>
#include <limits>

#define QLLM_INLINE __attribute__((always_inline)) static inline

using namespace qllm;

namespace {

/// e^x to about 1 unit in the last place, without branches so that loops over it become vector
/// code. NaN stays NaN.
QLLM_INLINE float expOne(float x) {
  x = x > 89.0f ? 89.0f : x; // beyond these the result is infinity or zero anyway
  // Processors take a hundred cycles to round to a subnormal number, and masked scores are many.
  bool vanishes = x < -104.0f;
  x = vanishes ? 0.0f : x;
  constexpr float magic = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
  float shifted = x * 1.44269504f + magic;
  int32_t exponent = llvm::bit_cast<int32_t>(shifted) - 0x4b400000;
  float n = shifted - magic;
  float r = (x - n * 0.693359375f) + n * 2.12194440e-4f; // ln 2 in two parts
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  // Two factors, as 2^exponent alone may be subnormal or infinite.
  int32_t half = exponent >> 1;
  // Of NaN the exponent is anything, and the product NaN.
  float result = p * llvm::bit_cast<float>(uint32_t(half + 127) << 23) *
                 llvm::bit_cast<float>(uint32_t(exponent - half + 127) << 23);
  return vanishes ? 0.0f : result;
}

/// tanh: a polynomial near zero, where the formula by exp cancels.
QLLM_INLINE float tanhOne(float x) {
  float magnitude = std::fabs(x), square = x * x;
  float p = -5.70498872745e-3f;
  p = p * square + 2.06390887954e-2f;
  p = p * square - 5.37397155531e-2f;
  p = p * square + 1.33314422036e-1f;
  p = p * square - 3.33332819422e-1f;
  float small = p * square * x + x;
  float large = std::copysign(1.0f - 2.0f / (expOne(2.0f * magnitude) + 1.0f), x);
  return magnitude < 0.625f ? small : large;
}

constexpr int lanes = 16;

} // namespace

QLLM_CLONES void vec::exponential(const float *in, float *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = expOne(in[i]);
}

QLLM_CLONES void vec::sigmoid(const float *in, float *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = 1.0f / (1.0f + expOne(-in[i]));
}

QLLM_CLONES void vec::swish(const float *in, float factor, float *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = in[i] / (1.0f + expOne(-factor * in[i]));
}

QLLM_CLONES void vec::tanh(const float *in, float *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = tanhOne(in[i]);
}

// Sums run in a fixed number of lanes that are added in a fixed order: vector code with one defined
// result.
QLLM_CLONES double vec::sum(const float *in, int64_t count) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] += in[i + lane];
  for (; i < count; ++i)
    partial[i % lanes] += in[i];
  double total = 0;
  for (double value : partial)
    total += value;
  return total;
}

QLLM_CLONES double vec::sumOfSquares(const float *in, int64_t count) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] += double(in[i + lane]) * in[i + lane];
  for (; i < count; ++i)
    partial[i % lanes] += double(in[i]) * in[i];
  double total = 0;
  for (double value : partial)
    total += value;
  return total;
}

QLLM_CLONES double vec::squaredDistance(const float *a, const float *b, int64_t count) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane) {
      double difference = double(a[i + lane]) - b[i + lane];
      partial[lane] += difference * difference;
    }
  for (; i < count; ++i)
    partial[i % lanes] += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  double total = 0;
  for (double value : partial)
    total += value;
  return total;
}

namespace {

/// The extreme of a row; the comparison keeps a NaN once one is seen.
template <bool isMax> QLLM_INLINE float extreme(const float *in, int64_t count) {
  float start =
      isMax ? -std::numeric_limits<float>::infinity() : std::numeric_limits<float>::infinity();
  float best[lanes];
  std::fill(best, best + lanes, start);
  bool anyNaN = false;
  auto take = [&](float &slot, float value) __attribute__((always_inline)) {
    slot = (isMax ? value > slot : value < slot) ? value : slot;
    anyNaN |= value != value;
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      take(best[lane], in[i + lane]);
  for (; i < count; ++i)
    take(best[0], in[i]);
  float result = start;
  for (float value : best)
    result = (isMax ? value > result : value < result) ? value : result;
  return anyNaN ? std::numeric_limits<float>::quiet_NaN() : result;
}

} // namespace

QLLM_CLONES float vec::maximum(const float *in, int64_t count) { return extreme<true>(in, count); }
QLLM_CLONES float vec::minimum(const float *in, int64_t count) { return extreme<false>(in, count); }

QLLM_CLONES static float exponentialsOf(const float *in, float shift, float *out, int64_t count) {
  float partial[lanes] = {};
  int64_t i = 0;
  // All lanes are read before one is written: a row over itself, as attention has it, would not
  // become vector code otherwise.
  for (; i + lanes <= count; i += lanes) {
    float values[lanes];
    for (int lane = 0; lane < lanes; ++lane)
      values[lane] = expOne(in[i + lane] - shift);
    for (int lane = 0; lane < lanes; ++lane) {
      out[i + lane] = values[lane];
      partial[lane] += values[lane];
    }
  }
  for (; i < count; ++i) {
    out[i] = expOne(in[i] - shift);
    partial[i % lanes] += out[i];
  }
  float total = 0;
  for (float value : partial)
    total += value;
  return total;
}

QLLM_CLONES static void scale(float *data, float factor, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    data[i] *= factor;
}

void vec::softmaxRow(const float *in, float *out, int64_t count) {
  float total = exponentialsOf(in, maximum(in, count), out, count);
  scale(out, 1.0f / total, count);
}

QLLM_CLONES static double sumOfExponentials(const float *in, float shift, int64_t count) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] += expOne(in[i + lane] - shift);
  for (; i < count; ++i)
    partial[i % lanes] += expOne(in[i] - shift);
  double total = 0;
  for (double value : partial)
    total += value;
  return total;
}

double vec::logSumExpRow(const float *in, int64_t count) {
  float shift = maximum(in, count);
  return std::log(sumOfExponentials(in, shift, count)) + shift;
}

QLLM_CLONES static void normalizeRow(const float *in, float mean, float factor, const float *gain,
                                     const float *bias, float *out, int64_t count) {
  if (gain && bias)
    for (int64_t i = 0; i < count; ++i)
      out[i] = (in[i] - mean) * factor * gain[i] + bias[i];
  else if (gain)
    for (int64_t i = 0; i < count; ++i)
      out[i] = (in[i] - mean) * factor * gain[i];
  else
    for (int64_t i = 0; i < count; ++i)
      out[i] = (in[i] - mean) * factor;
}

void vec::rmsNormRow(const float *in, const float *gain, float epsilon, float *out, int64_t count) {
  double meanSquare = count ? sumOfSquares(in, count) / double(count) : 0;
  normalizeRow(in, 0.0f, float(1.0 / std::sqrt(meanSquare + epsilon)), gain, nullptr, out, count);
}

QLLM_CLONES static double sumOfSquaredDifferences(const float *in, double mean, int64_t count) {
  double partial[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int lane = 0; lane < lanes; ++lane)
      partial[lane] += (in[i + lane] - mean) * (in[i + lane] - mean);
  for (; i < count; ++i)
    partial[i % lanes] += (in[i] - mean) * (in[i] - mean);
  double total = 0;
  for (double value : partial)
    total += value;
  return total;
}

void vec::layerNormRow(const float *in, const float *gain, const float *bias, float epsilon,
                       float *out, int64_t count, float *mean, float *inverseDeviation) {
  double center = count ? sum(in, count) / double(count) : 0;
  double variance = count ? sumOfSquaredDifferences(in, center, count) / double(count) : 0;
  double factor = 1.0 / std::sqrt(variance + epsilon);
  if (mean)
    *mean = float(center);
  if (inverseDeviation)
    *inverseDeviation = float(factor);
  normalizeRow(in, float(center), float(factor), gain, bias, out, count);
}

QLLM_CLONES void vec::dequantizeRow(const int8_t *codes, float scale, float zero, float *out,
                                    int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = (float(codes[i]) - zero) * scale;
}

QLLM_CLONES void vec::dequantizeRow(const uint8_t *codes, float scale, float zero, float *out,
                                    int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = (float(codes[i]) - zero) * scale;
}

QLLM_CLONES void vec::quantizeRow(const float *in, float scale, float zero, float low, float high,
                                  float *out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    float value = std::rint(in[i] / scale) + zero;
    value = value > low ? value : low; // false for NaN
    out[i] = value < high ? value : high;
  }
}
