// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The public entry points: they check what callers pass, then hand finite data to GroupCodec.

#include "qllm/Format/Quantize.h"

#include "GroupCodec.h"

#include <algorithm>
#include <cmath>
#include <sstream>

namespace qllm {

using detail::bestKernels;
using detail::GroupCodec;

namespace {

template <typename... Parts> FormatStatus fail(const Parts &...parts) {
  std::ostringstream text;
  (text << ... << parts);
  return FormatStatus::failure(text.str());
}

FormatStatus failAt(std::size_t index, const char *wanted, float found) {
  std::ostringstream text;
  text << "expected " << wanted << ", but element " << index << " is " << found;
  return FormatStatus::failure(text.str(), index);
}

template <typename Predicate>
std::size_t firstIndex(Span<const float> values, Predicate predicate) {
  return static_cast<std::size_t>(std::find_if(values.begin(), values.end(), predicate) -
                                  values.begin());
}

// Scans one non-empty group that starts at `offset` of `values`.
FormatStatus scanGroup(Span<const float> values, std::size_t offset, std::size_t length,
                       bool limitMagnitude, ValueRange &range) {
  detail::KeyRange keys = bestKernels().scan(values.data() + offset, length);
  if (detail::isNonFinite(keys.min) || detail::isNonFinite(keys.max)) {
    Span<const float> group = values.slice(offset, length);
    std::size_t index = firstIndex(group, [](float value) { return !std::isfinite(value); });
    return failAt(offset + index, "finite values", group[index]);
  }
  range = {detail::keyToFloat(keys.min), detail::keyToFloat(keys.max), false};
  if (limitMagnitude && range.absMax() > maxRangeMagnitude) {
    Span<const float> group = values.slice(offset, length);
    std::size_t index =
        firstIndex(group, [](float value) { return std::fabs(value) > maxRangeMagnitude; });
    return failAt(offset + index,
                  "magnitudes up to 2^126 for asymmetric integers and under a tensor scale",
                  group[index]);
  }
  return {};
}

bool isAsymmetric(const QuantizeSpec &spec) { return !spec.symmetric; }
using detail::limitsMagnitude;

FormatStatus verifyCall(const QuantizeSpec &spec, float tensorScale) {
  if (FormatStatus status = spec.verify(); !status)
    return status;
  if (!spec.hasTensorScale && tensorScale != 1.0f)
    return fail("expected tensor scale 1 for a spec without one, but got ", tensorScale);
  if (!(tensorScale >= 0x1p-126f && tensorScale <= 0x1p118f))
    return fail("expected a tensor scale from 2^-126 to 2^118, but got ", tensorScale);
  return {};
}

FormatStatus verifySizes(std::size_t codes, std::size_t values) {
  if (codes == values)
    return {};
  return fail("expected one code for each of ", values, " values, but got ", codes);
}

FormatStatus verifyZeroPoint(std::int32_t zeroPoint) {
  if (zeroPoint >= -maxZeroPoint && zeroPoint <= maxZeroPoint)
    return {};
  return fail("expected a zero point from ", -maxZeroPoint, " to ", maxZeroPoint, ", but got ",
              zeroPoint);
}

// Sizes of whole-tensor calls; `groups` receives the group count.
FormatStatus verifyGroups(const QuantizeSpec &spec, std::size_t values, std::size_t codes,
                          std::size_t scales, std::size_t zeroPoints, std::size_t groupSize,
                          std::size_t &groups) {
  if (groupSize == 0)
    return fail("expected a group size of at least 1, but got 0");
  if (FormatStatus status = verifySizes(codes, values); !status)
    return status;
  groups = values / groupSize + (values % groupSize != 0);
  if (scales != groups)
    return fail("expected ", groups, " scales for ", values, " values in groups of ", groupSize,
                ", but got ", scales);
  if (zeroPoints != groups && (zeroPoints != 0 || isAsymmetric(spec)))
    return fail("expected ", groups, " zero points for ", values, " values in groups of ",
                groupSize, ", but got ", zeroPoints);
  return {};
}

std::int32_t defaultZeroPoint(const QuantizeSpec &spec) {
  return spec.element->kind() == ElementKind::UnsignedInteger
             ? static_cast<std::int32_t>(spec.element->codeCount() / 2)
             : 0;
}

} // namespace

FormatStatus QuantizeSpec::verify() const {
  if (element == nullptr)
    return fail("expected an element format, but got none");
  if (element == &ElementFormat::ue8m0())
    return fail("expected an element format with a sign, but ue8m0 is for scales only");
  if (!symmetric && !element->isInteger())
    return fail("expected an integer format for asymmetric quantization, but got ",
                element->name());
  if (rangeIncludesZero && symmetric)
    return fail(
        "expected asymmetric quantization for a range that includes zero, but got symmetric");
  if (statistic == ScaleStatistic::AbsMean && element != &ElementFormat::ternary())
    return fail("expected ternary for a scale from the mean magnitude, but got ", element->name());
  if (!(clip > 0 && std::isfinite(clip)))
    return fail("expected a positive finite clip, but got ", clip);
  return {};
}

void ValueRange::merge(const ValueRange &other) {
  if (other.empty)
    return;
  min = empty ? other.min : std::min(min, other.min);
  max = empty ? other.max : std::max(max, other.max);
  empty = false;
}

FormatStatus scanRange(Span<const float> values, ValueRange &range) {
  range = {};
  return values.empty() ? FormatStatus() : scanGroup(values, 0, values.size(), false, range);
}

float tensorScaleFor(const QuantizeSpec &spec, float absMax) {
  bool narrow = spec.scaleFormat == ScaleFormat::E4M3 || spec.scaleFormat == ScaleFormat::F16;
  if (!spec.hasTensorScale || !narrow)
    return 1.0f;
  absMax = detail::clipped(spec, absMax);
  // An asymmetric range can be twice as wide as its largest magnitude.
  float widest = isAsymmetric(spec) ? 2 * absMax : absMax;
  float largest = detail::largestStepCount(spec) * maxScale(spec.scaleFormat);
  return std::max(widest / largest, 0x1p-100f);
}

FormatStatus computeParameters(const QuantizeSpec &spec, Span<const float> group,
                               GroupParameters &parameters, float tensorScale) {
  if (FormatStatus status = verifyCall(spec, tensorScale); !status)
    return status;
  if (group.empty())
    return fail("expected a group of at least one value, but got none");
  ValueRange range;
  if (FormatStatus status = scanGroup(group, 0, group.size(), limitsMagnitude(spec), range);
      !status)
    return status;
  GroupCodec codec(spec, tensorScale, bestKernels());
  parameters = codec.parametersFor(range, codec.absMean(group));
  return {};
}

FormatStatus computeRangeParameters(const QuantizeSpec &spec, const ValueRange &range,
                                    GroupParameters &parameters, float tensorScale) {
  if (spec.statistic == ScaleStatistic::AbsMean)
    return fail("expected values for a scale from the mean magnitude, but got only their range");
  if (range.empty || !(range.min <= range.max))
    return fail("expected a range of at least one value, but got none");
  // Whatever accepts a group with these extremes accepts the range.
  const float extremes[] = {range.min, range.max};
  return computeParameters(spec, {extremes, 2}, parameters, tensorScale);
}

FormatStatus encodeGroup(const QuantizeSpec &spec, const GroupParameters &parameters,
                         Span<const float> values, Span<std::uint8_t> codes, float tensorScale) {
  if (FormatStatus status = verifyCall(spec, tensorScale); !status)
    return status;
  if (FormatStatus status = verifySizes(codes.size(), values.size()); !status)
    return status;
  if (FormatStatus status = verifyZeroPoint(parameters.zeroPoint); !status)
    return status;
  GroupCodec codec(spec, tensorScale, bestKernels());
  float scale = codec.effectiveScale(parameters.scale);
  if (!(scale > 0 && std::isfinite(scale)))
    return fail("expected a positive finite scale, but got ", scale);
  std::size_t bad = firstIndex(values, [](float value) { return std::isnan(value); });
  if (bad != values.size())
    return failAt(bad, "values that are numbers", values[bad]);
  codec.encode(parameters, values, codes.data());
  return {};
}

FormatStatus decodeGroup(const QuantizeSpec &spec, const GroupParameters &parameters,
                         Span<const std::uint8_t> codes, Span<float> values, float tensorScale) {
  if (FormatStatus status = verifyCall(spec, tensorScale); !status)
    return status;
  if (FormatStatus status = verifySizes(codes.size(), values.size()); !status)
    return status;
  if (FormatStatus status = verifyZeroPoint(parameters.zeroPoint); !status)
    return status;
  GroupCodec(spec, tensorScale, bestKernels()).decode(parameters, codes, values.data());
  return {};
}

FormatStatus quantizeGroups(const QuantizeSpec &spec, Span<const float> values,
                            std::size_t groupSize, QuantizedGroups out, float tensorScale) {
  if (FormatStatus status = verifyCall(spec, tensorScale); !status)
    return status;
  std::size_t groups = 0;
  if (FormatStatus status = verifyGroups(spec, values.size(), out.codes.size(), out.scales.size(),
                                         out.zeroPoints.size(), groupSize, groups);
      !status)
    return status;
  GroupCodec codec(spec, tensorScale, bestKernels());
  for (std::size_t group = 0; group != groups; ++group) {
    std::size_t offset = group * groupSize, length = std::min(groupSize, values.size() - offset);
    ValueRange range;
    if (FormatStatus status = scanGroup(values, offset, length, limitsMagnitude(spec), range);
        !status)
      return status;
    Span<const float> slice = values.slice(offset, length);
    GroupParameters parameters = codec.parametersFor(range, codec.absMean(slice));
    codec.encode(parameters, slice, out.codes.data() + offset);
    out.scales[group] = parameters.scale;
    if (!out.zeroPoints.empty())
      out.zeroPoints[group] = parameters.zeroPoint;
  }
  return {};
}

FormatStatus dequantizeGroups(const QuantizeSpec &spec, Span<const std::uint8_t> codes,
                              Span<const float> scales, Span<const std::int32_t> zeroPoints,
                              std::size_t groupSize, Span<float> values, float tensorScale) {
  if (FormatStatus status = verifyCall(spec, tensorScale); !status)
    return status;
  std::size_t groups = 0;
  if (FormatStatus status = verifyGroups(spec, values.size(), codes.size(), scales.size(),
                                         zeroPoints.size(), groupSize, groups);
      !status)
    return status;
  GroupCodec codec(spec, tensorScale, bestKernels());
  for (std::size_t group = 0; group != groups; ++group) {
    std::size_t offset = group * groupSize, length = std::min(groupSize, values.size() - offset);
    GroupParameters parameters{scales[group], defaultZeroPoint(spec)};
    if (!zeroPoints.empty())
      parameters.zeroPoint = zeroPoints[group];
    if (FormatStatus status = verifyZeroPoint(parameters.zeroPoint); !status)
      return status;
    codec.decode(parameters, codes.slice(offset, length), values.data() + offset);
  }
  return {};
}

} // namespace qllm
