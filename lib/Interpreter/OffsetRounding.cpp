// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OffsetRounding.h"
#include "qllm/Support/TargetClones.h"
#include <algorithm>
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

/// Rounds by adding 1.5 * 2^23, which is exact as the bounds are integers below 2^22; they are
/// moved by the zero point. Tells whether there was a NaN.
QLLM_CLONES static bool encodeRun(const float *values, const float *offsets, size_t count,
                                  float scale, float low, float high, int32_t zeroPoint,
                                  uint8_t *codes) {
  constexpr float magic = 12582912.0f;
  int32_t unordered = 0;
  for (size_t i = 0; i < count; ++i) {
    float step = values[i] / scale + offsets[i];
    unordered |= step != step;
    step = step > low ? step : low;
    step = step < high ? step : high;
    codes[i] = uint8_t(int32_t((step + magic) - magic) + zeroPoint);
  }
  return unordered != 0;
}

FormatStatus interp::encodeWithOffsets(const QuantizeSpec &spec, GroupParameters parameters,
                                       float tensorScale, llvm::ArrayRef<float> values,
                                       llvm::ArrayRef<float> offsets, size_t first,
                                       uint8_t *codes) {
  float scale = parameters.scale * tensorScale, zero = float(parameters.zeroPoint);
  if (!(scale > 0 && std::isfinite(scale)))
    return FormatStatus::failure("expected a positive finite scale, but got " +
                                 std::to_string(scale));
  if (parameters.zeroPoint < -maxZeroPoint || parameters.zeroPoint > maxZeroPoint)
    return FormatStatus::failure("expected a zero point from " + std::to_string(-maxZeroPoint) +
                                 " to " + std::to_string(maxZeroPoint) + ", but got " +
                                 std::to_string(parameters.zeroPoint));
  float low = spec.element->minFinite() - zero, high = spec.element->maxFinite() - zero;
  for (size_t at = 0; at < values.size();) {
    size_t channel = (first + at) % offsets.size();
    size_t count = std::min(values.size() - at, offsets.size() - channel);
    if (encodeRun(values.data() + at, offsets.data() + channel, count, scale, low, high,
                  parameters.zeroPoint, codes + at))
      return FormatStatus::failure("expected numbers to quantize, but got NaN", at);
    at += count;
  }
  return FormatStatus();
}
