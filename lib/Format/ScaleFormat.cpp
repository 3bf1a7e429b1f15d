// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Stored forms of scales.

#include "qllm/Format/ScaleFormat.h"

#include "qllm/Format/ElementFormat.h"
#include "qllm/Format/HalfFloat.h"

#include <cmath>
#include <limits>
#include <string>

namespace qllm {

namespace {

// The stored bits of the nearest scale, before any clamping.
std::uint32_t encodeScale(ScaleFormat format, float scale) {
  switch (format) {
  case ScaleFormat::F32:
    return floatToBits(scale);
  case ScaleFormat::F16:
    return floatToHalf(scale);
  case ScaleFormat::BF16:
    return floatToBFloat16(scale);
  case ScaleFormat::UE8M0:
    return ElementFormat::ue8m0().encode(scale);
  case ScaleFormat::E4M3:
    return ElementFormat::e4m3().encode(scale);
  }
  return 0;
}

float decodeScale(ScaleFormat format, std::uint32_t bits) {
  switch (format) {
  case ScaleFormat::F32:
    return bitsToFloat(bits);
  case ScaleFormat::F16:
    return halfToFloat(static_cast<std::uint16_t>(bits));
  case ScaleFormat::BF16:
    return bfloat16ToFloat(static_cast<std::uint16_t>(bits));
  case ScaleFormat::UE8M0:
    return ElementFormat::ue8m0().decode(static_cast<std::uint8_t>(bits));
  case ScaleFormat::E4M3:
    return ElementFormat::e4m3().decode(static_cast<std::uint8_t>(bits));
  }
  return 0;
}

FormatStatus checkSizes(ScaleFormat format, std::size_t scales, std::size_t bytes) {
  // Divided rather than multiplied: no count overflows.
  std::size_t width = scaleBytes(format);
  if (bytes % width == 0 && bytes / width == scales)
    return {};
  return FormatStatus::failure("expected " + std::to_string(width) + " bytes for each of " +
                               std::to_string(scales) + " " + std::string(scaleFormatName(format)) +
                               " scales, but got " + std::to_string(bytes) + " bytes");
}

} // namespace

std::string_view scaleFormatName(ScaleFormat format) {
  switch (format) {
  case ScaleFormat::F32:
    return "f32";
  case ScaleFormat::F16:
    return "f16";
  case ScaleFormat::BF16:
    return "bf16";
  case ScaleFormat::UE8M0:
    return "ue8m0";
  case ScaleFormat::E4M3:
    return "e4m3";
  }
  return "unknown";
}

std::size_t scaleBytes(ScaleFormat format) {
  switch (format) {
  case ScaleFormat::F32:
    return 4;
  case ScaleFormat::F16:
  case ScaleFormat::BF16:
    return 2;
  case ScaleFormat::UE8M0:
  case ScaleFormat::E4M3:
    return 1;
  }
  return 1;
}

float maxScale(ScaleFormat format) {
  switch (format) {
  case ScaleFormat::F32:
    return std::numeric_limits<float>::max();
  case ScaleFormat::F16:
    return 65504.0f;
  case ScaleFormat::BF16:
    return bfloat16ToFloat(0x7f7f);
  case ScaleFormat::UE8M0:
    return 0x1p127f;
  case ScaleFormat::E4M3:
    return 448.0f;
  }
  return 1;
}

float minScale(ScaleFormat format) {
  switch (format) {
  case ScaleFormat::F32:
  case ScaleFormat::BF16: // Normal values only: hardware often flushes float subnormals.
    return std::numeric_limits<float>::min();
  case ScaleFormat::F16:
    return 0x1p-24f;
  case ScaleFormat::UE8M0:
    return 0x1p-127f;
  case ScaleFormat::E4M3:
    return 0x1p-9f;
  }
  return 1;
}

float roundScale(ScaleFormat format, float scale) {
  if (!(scale > minScale(format))) // NaN too.
    return minScale(format);
  if (format == ScaleFormat::UE8M0)
    return powerOfTwoScale(scale, 1.0f, PowerOfTwoRule::RoundUp);
  float rounded = decodeScale(format, encodeScale(format, scale));
  return rounded < maxScale(format) ? rounded : maxScale(format);
}

float powerOfTwoScale(float amax, float maxElement, PowerOfTwoRule rule) {
  constexpr int lowest = -127, highest = 127;
  if (!(amax > 0))
    return 0x1p-127f;
  if (!std::isfinite(amax))
    return 0x1p127f;
  int exponent = std::ilogb(amax) - std::ilogb(maxElement);
  // A product of two floats is exact in double, and the floor rule is at most one step short.
  if (rule == PowerOfTwoRule::RoundUp && amax > std::scalbn(double{maxElement}, exponent))
    ++exponent;
  exponent = exponent < lowest ? lowest : exponent > highest ? highest : exponent;
  return std::scalbn(1.0f, exponent);
}

FormatStatus encodeScales(ScaleFormat format, Span<const float> scales, Span<std::uint8_t> bytes) {
  if (FormatStatus status = checkSizes(format, scales.size(), bytes.size()); !status)
    return status;
  std::size_t width = scaleBytes(format);
  for (std::size_t i = 0; i != scales.size(); ++i) {
    std::uint32_t bits = encodeScale(format, scales[i]);
    for (std::size_t byte = 0; byte != width; ++byte)
      bytes[i * width + byte] = static_cast<std::uint8_t>(bits >> (8 * byte));
  }
  return {};
}

FormatStatus decodeScales(ScaleFormat format, Span<const std::uint8_t> bytes, Span<float> scales) {
  if (FormatStatus status = checkSizes(format, scales.size(), bytes.size()); !status)
    return status;
  std::size_t width = scaleBytes(format);
  for (std::size_t i = 0; i != scales.size(); ++i) {
    std::uint32_t bits = 0;
    for (std::size_t byte = 0; byte != width; ++byte)
      bits |= std::uint32_t{bytes[i * width + byte]} << (8 * byte);
    scales[i] = decodeScale(format, bits);
  }
  return {};
}

} // namespace qllm
