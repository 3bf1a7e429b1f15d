// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How the scale of a group is stored, and the rules that round a real scale to what can be stored.

#ifndef QLLM_FORMAT_SCALEFORMAT_H
#define QLLM_FORMAT_SCALEFORMAT_H

#include "qllm/Format/FormatStatus.h"
#include "qllm/Format/Span.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace qllm {

enum class ScaleFormat : std::uint8_t { F32, F16, BF16, UE8M0, E4M3 };

/// How a UE8M0 scale is chosen from the largest magnitude `amax` of a group and the largest element
/// value.
enum class PowerOfTwoRule : std::uint8_t {
  /// 2^(floor(log2 amax) - floor(log2 maxElement)): OCP MX v1.0, section 6.3. Values above the
  /// largest element times
  /// the scale saturate (for e2m1: amax in (6, 8) times the scale).
  Floor,
  /// The smallest power of two with amax <= maxElement * scale: nothing saturates, up to one bit of
  /// range is unused.
  RoundUp,
};

/// The name used in IR and reports: f32, f16, bf16, ue8m0, e4m3.
std::string_view scaleFormatName(ScaleFormat format);
/// Bytes of one stored scale: 4, 2, 2, 1, 1.
std::size_t scaleBytes(ScaleFormat format);
/// The largest finite and the smallest positive scale that can be stored.
float maxScale(ScaleFormat format);
float minScale(ScaleFormat format);

/// The stored value nearest to the positive `scale` (ties to even), kept within [minScale,
/// maxScale]: never zero, infinite or NaN. UE8M0 rounds up here, so that no value saturates; the
/// rules above need amax and go through `powerOfTwoScale`.
float roundScale(ScaleFormat format, float scale);

/// The UE8M0 value for a group: `amax` (finite, >= 0) against the largest element value
/// `maxElement` (> 0). Zero gives 2^-127, the result stays in [2^-127, 2^127].
float powerOfTwoScale(float amax, float maxElement, PowerOfTwoRule rule);

/// The stored scales as little-endian bytes, `scaleBytes` each. Values must be storable exactly, as
/// `roundScale` and the quantizers return them; others are rounded to nearest. Fails if the sizes
/// do not agree.
FormatStatus encodeScales(ScaleFormat format, Span<const float> scales, Span<std::uint8_t> bytes);
/// The inverse. A NaN code decodes to NaN.
FormatStatus decodeScales(ScaleFormat format, Span<const std::uint8_t> bytes, Span<float> scales);

} // namespace qllm

#endif // QLLM_FORMAT_SCALEFORMAT_H
