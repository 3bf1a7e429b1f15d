// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ranges, scales and codes of groups of values: the arithmetic behind quantize and dequantize.
// Formulas and their sources are in docs/formats/quantize.md. Single-threaded, deterministic, and
// bit-identical on every machine; callers that use threads split their data at group borders.

#ifndef QLLM_FORMAT_QUANTIZE_H
#define QLLM_FORMAT_QUANTIZE_H

#include "qllm/Format/ElementFormat.h"
#include "qllm/Format/FormatStatus.h"
#include "qllm/Format/ScaleFormat.h"
#include "qllm/Format/Span.h"

#include <cstddef>
#include <cstdint>

namespace qllm {

/// Smallest scale of a group stored as f32, f16 or bf16 without a tensor scale: a group of zeros
/// gets this one.
inline constexpr float scaleFloor = 1e-8f;
/// Largest magnitude that asymmetric integers accept, and anything under a tensor scale; beyond it
/// ranges and products of scales could overflow float.
inline constexpr float maxRangeMagnitude = 0x1p126f;

/// Zero points lie within +-this; the quantizers stay well inside.
inline constexpr std::int32_t maxZeroPoint = 1 << 21;

/// Which statistic of the group the scale comes from.
enum class ScaleStatistic : std::uint8_t {
  AbsMax,  ///< the largest magnitude (or max - min for asymmetric integers)
  AbsMean, ///< the mean magnitude (ternary, BitNet b1.58, arXiv 2402.17764, equation 3)
};

/// How one group of values becomes codes. x^ = scale * tensorScale * (code - zeroPoint) for
/// integers, scale * tensorScale * decode(code) for everything else.
struct QuantizeSpec {
  const ElementFormat *element = nullptr;
  /// Integers only: no zero point of its own. Signed codes have zero point 0, unsigned ones
  /// 2^(bits-1).
  bool symmetric = true;
  /// Asymmetric only: extend the range to contain 0, so that 0 is exact and the zero point is a
  /// code.
  bool rangeIncludesZero = false;
  ScaleFormat scaleFormat = ScaleFormat::F32;
  PowerOfTwoRule powerOfTwoRule = PowerOfTwoRule::Floor;
  ScaleStatistic statistic = ScaleStatistic::AbsMax;
  /// A second, f32 scale for the whole tensor multiplies every group's scale (NVFP4).
  bool hasTensorScale = false;
  /// Multiplies the range (or the mean magnitude) before scales are computed from it: below 1 the
  /// largest values saturate and all others get finer steps. Positive and finite.
  float clip = 1;

  /// Fails when the members do not go together; every function below checks it first.
  FormatStatus verify() const;
};

/// What a group's codes need to be read back.
struct GroupParameters {
  float scale = 1.0f; ///< exactly as stored, without the tensor scale
  std::int32_t zeroPoint = 0;
};

/// Lowest and highest of some values; starts empty and can be merged, so tensors can be scanned in
/// pieces.
struct ValueRange {
  float min = 0, max = 0;
  bool empty = true;
  float absMax() const { return -min > max ? -min : max; }
  void merge(const ValueRange &other);
};

/// The range of `values`. Fails on a NaN or an infinity, naming the first one.
FormatStatus scanRange(Span<const float> values, ValueRange &range);

/// The tensor scale for values of magnitude up to `absMax`: the one under which the largest group
/// scale is the largest that e4m3 or f16 can hold, at least 2^-100. 1 for specs without a tensor
/// scale, and for scales stored as f32, bf16 or ue8m0, which need no help with range.
float tensorScaleFor(const QuantizeSpec &spec, float absMax);

/// Scale and zero point for one group. Fails on a NaN or an infinity (naming the first one), on a
/// magnitude above `maxRangeMagnitude` for asymmetric integers or under a tensor scale, and on a
/// `tensorScale` outside [2^-126, 2^118].
FormatStatus computeParameters(const QuantizeSpec &spec, Span<const float> group,
                               GroupParameters &parameters, float tensorScale = 1.0f);

/// The same from a range alone: a tensor scanned in pieces, or a calibrated range. Fails on an
/// empty or non-finite range, and for specs whose scale is not a matter of the range (`AbsMean`).
FormatStatus computeRangeParameters(const QuantizeSpec &spec, const ValueRange &range,
                                    GroupParameters &parameters, float tensorScale = 1.0f);

/// Codes of `values` under given parameters (static quantization); values out of range saturate,
/// infinities too. Integers: code = clamp(roundHalfEven(x / scale) + zeroPoint). Others: encode(x /
/// scale). Fails on a NaN (naming the first one), on a scale that is not positive and finite, and
/// on a zero point beyond +-`maxZeroPoint`.
FormatStatus encodeGroup(const QuantizeSpec &spec, const GroupParameters &parameters,
                         Span<const float> values, Span<std::uint8_t> codes,
                         float tensorScale = 1.0f);

/// The values of code bytes, which must be extended as the format says. Any scale is taken as it
/// is, NaN included; fails on a zero point beyond +-`maxZeroPoint`.
FormatStatus decodeGroup(const QuantizeSpec &spec, const GroupParameters &parameters,
                         Span<const std::uint8_t> codes, Span<float> values,
                         float tensorScale = 1.0f);

/// Where `quantizeGroups` writes: one code byte a value, one scale a group, and one zero point a
/// group (may be empty when the spec is not asymmetric).
struct QuantizedGroups {
  Span<std::uint8_t> codes;
  Span<float> scales;
  Span<std::int32_t> zeroPoints;
};

/// computeParameters + encodeGroup for consecutive groups of `groupSize` values; the last one may
/// be shorter. Call it per row when rows are not a multiple of the group. Indices in failures count
/// from the start of `values`; the output is then unspecified.
FormatStatus quantizeGroups(const QuantizeSpec &spec, Span<const float> values,
                            std::size_t groupSize, QuantizedGroups out, float tensorScale = 1.0f);

/// The inverse. `zeroPoints` may be empty when the spec is not asymmetric.
FormatStatus dequantizeGroups(const QuantizeSpec &spec, Span<const std::uint8_t> codes,
                              Span<const float> scales, Span<const std::int32_t> zeroPoints,
                              std::size_t groupSize, Span<float> values, float tensorScale = 1.0f);

} // namespace qllm

#endif // QLLM_FORMAT_QUANTIZE_H
