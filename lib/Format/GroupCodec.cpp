// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scale, zero point and codes of one group.

#include "GroupCodec.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qllm::detail {

namespace {

// Below this fraction of the largest magnitude a step would be finer than floats near that
// magnitude, and a zero point would leave the range in which every integer is a float.
constexpr float smallestStepRatio = 0x1p-20f;

auto minifloatEncoder(const ElementFormat &format, const Kernels &kernels) {
  if (&format == &ElementFormat::e4m3())
    return kernels.encodeE4M3;
  if (&format == &ElementFormat::e5m2())
    return kernels.encodeE5M2;
  if (&format == &ElementFormat::e3m2())
    return kernels.encodeE3M2;
  if (&format == &ElementFormat::e2m3())
    return kernels.encodeE2M3;
  return kernels.encodeE2M1;
}

} // namespace

float largestStepCount(const QuantizeSpec &spec) {
  if (!spec.element->isInteger())
    return spec.element->maxFinite();
  unsigned steps = spec.element->codeCount() - 1;
  return static_cast<float>(spec.symmetric ? steps / 2 : steps);
}

float clipped(const QuantizeSpec &spec, float bound) {
  float limit = limitsMagnitude(spec) ? maxRangeMagnitude : std::numeric_limits<float>::max();
  return std::min(std::max(bound * spec.clip, -limit), limit);
}

GroupCodec::GroupCodec(const QuantizeSpec &spec, float tensorScale, const Kernels &kernels)
    : spec(spec), kernels(kernels), tensorScale(tensorScale), denominator(largestStepCount(spec)),
      lowestCode(spec.element->minFinite()), highestCode(spec.element->maxFinite()) {
  if (spec.element->kind() == ElementKind::Minifloat)
    encodeFloat = minifloatEncoder(*spec.element, kernels);
}

// The storable scale for `numerator` / denominator, the step being at least `floor` and never zero.
float GroupCodec::storedScale(float numerator, float floor) const {
  if (spec.hasTensorScale)
    floor = std::max(floor, std::numeric_limits<float>::min());
  else if (spec.scaleFormat != ScaleFormat::UE8M0)
    floor = std::max(floor, scaleFloor);
  if (spec.scaleFormat != ScaleFormat::UE8M0)
    return roundScale(spec.scaleFormat, std::max(numerator / denominator, floor) / tensorScale);
  float scale = powerOfTwoScale(numerator / tensorScale, denominator, spec.powerOfTwoRule);
  if (effectiveScale(scale) >= floor)
    return scale;
  return roundScale(ScaleFormat::UE8M0, floor / tensorScale);
}

GroupParameters GroupCodec::asymmetricParameters(ValueRange range) const {
  if (spec.rangeIncludesZero)
    range.merge(ValueRange{0, 0, false});
  range.min = clipped(spec, range.min);
  range.max = clipped(spec, range.max);
  GroupParameters parameters;
  parameters.scale = storedScale(range.max - range.min, range.absMax() * smallestStepRatio);
  float offset = -range.min / effectiveScale(parameters.scale);
  // Only a stored scale far too small for the range (say, 65504 as f16 for larger steps) reaches
  // the limit.
  constexpr float limit = static_cast<float>(maxZeroPoint - 256);
  offset = std::nearbyint(std::min(std::max(offset, -limit), limit));
  parameters.zeroPoint = static_cast<std::int32_t>(offset + lowestCode);
  return parameters;
}

float GroupCodec::absMean(Span<const float> group) const {
  if (spec.statistic != ScaleStatistic::AbsMean)
    return 0;
  return static_cast<float>(kernels.sumAbs(group.data(), group.size()) /
                            static_cast<double>(group.size()));
}

GroupParameters GroupCodec::parametersFor(const ValueRange &range, float absMean) const {
  if (spec.element->isInteger() && !spec.symmetric)
    return asymmetricParameters(range);
  GroupParameters parameters;
  bool useMean = spec.statistic == ScaleStatistic::AbsMean;
  parameters.scale = storedScale(clipped(spec, useMean ? absMean : range.absMax()), 0.0f);
  if (spec.element->kind() == ElementKind::UnsignedInteger)
    parameters.zeroPoint = static_cast<std::int32_t>(spec.element->codeCount() / 2);
  return parameters;
}

void GroupCodec::encode(const GroupParameters &parameters, Span<const float> values,
                        std::uint8_t *codes) const {
  float scale = effectiveScale(parameters.scale);
  switch (spec.element->kind()) {
  case ElementKind::Minifloat:
    encodeFloat(values.data(), values.size(), scale, codes);
    return;
  case ElementKind::Codebook:
    kernels.encodeCodebook(values.data(), values.size(), scale, spec.element->thresholds().data(),
                           codes);
    return;
  case ElementKind::SignedInteger:
  case ElementKind::UnsignedInteger:
  case ElementKind::Ternary:
    float zero = static_cast<float>(parameters.zeroPoint);
    kernels.encodeAffine(values.data(), values.size(),
                         {scale, lowestCode - zero, highestCode - zero, parameters.zeroPoint},
                         codes);
    return;
  }
}

void GroupCodec::decode(const GroupParameters &parameters, Span<const std::uint8_t> codes,
                        float *values) const {
  float scale = effectiveScale(parameters.scale);
  switch (spec.element->kind()) {
  case ElementKind::SignedInteger:
    kernels.decodeSigned(codes.data(), codes.size(), scale, parameters.zeroPoint, values);
    return;
  case ElementKind::UnsignedInteger:
    kernels.decodeUnsigned(codes.data(), codes.size(), scale, parameters.zeroPoint, values);
    return;
  case ElementKind::Minifloat:
  case ElementKind::Codebook:
  case ElementKind::Ternary:
    kernels.decodeTable(codes.data(), codes.size(), scale, spec.element->decodeTable(), values);
    return;
  }
}

} // namespace qllm::detail
