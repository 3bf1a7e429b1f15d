// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Random specs over random bit patterns: either the input is refused with the element at fault, or
// everything that comes out is usable and stable.

#include "qllm/Format/Quantize.h"

#include "qllm/Format/HalfFloat.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

class Source {
public:
  explicit Source(unsigned seed) : random(seed) {}

  unsigned below(unsigned limit) { return random() % limit; }

  QuantizeSpec spec() {
    QuantizeSpec spec;
    Span<const ElementFormat> formats = ElementFormat::all();
    do {
      spec.element = &formats[below(static_cast<unsigned>(formats.size()))];
    } while (spec.element == &ElementFormat::ue8m0());
    spec.symmetric = !spec.element->isInteger() || below(2);
    spec.rangeIncludesZero = !spec.symmetric && below(2);
    spec.scaleFormat = static_cast<ScaleFormat>(below(5));
    spec.powerOfTwoRule = static_cast<PowerOfTwoRule>(below(2));
    if (spec.element == &ElementFormat::ternary())
      spec.statistic = static_cast<ScaleStatistic>(below(2));
    spec.hasTensorScale = below(4) == 0;
    return spec;
  }

  // Any finite float, a narrow band of magnitudes, or one constant; rarely something that is no
  // number.
  std::vector<float> values() {
    unsigned kind = below(4), center = below(250);
    std::vector<float> result(1 + below(80));
    for (float &value : result) {
      std::uint32_t bits = random();
      if (kind != 0)
        bits = (bits & 0x807fffffu) | ((center + bits % 4) << 23);
      if (kind == 3)
        bits = floatToBits(result[0]);
      if ((bits & 0x7f800000u) == 0x7f800000u)
        bits ^= 0x40000000u;
      value = bitsToFloat(bits);
    }
    if (below(10) == 0)
      result[below(static_cast<unsigned>(result.size()))] = below(2) ? NAN : -INFINITY;
    return result;
  }

private:
  std::mt19937 random;
};

void checkOutput(const QuantizeSpec &spec, const std::vector<std::uint8_t> &codes,
                 const std::vector<float> &scales, const std::vector<std::int32_t> &zeroPoints,
                 float tensorScale) {
  for (float scale : scales) {
    ASSERT_GE(scale, minScale(spec.scaleFormat));
    ASSERT_LE(scale, maxScale(spec.scaleFormat));
    ASSERT_GT(scale * tensorScale, 0.0f);
    ASSERT_TRUE(std::isfinite(scale * tensorScale));
  }
  for (std::int32_t zeroPoint : zeroPoints)
    ASSERT_LE(std::abs(zeroPoint), maxZeroPoint);
  for (std::uint8_t code : codes) {
    ASSERT_TRUE(spec.element->isFinite(code));
    ASSERT_EQ(spec.element->encode(spec.element->decode(code)), code) << "not extended";
  }
}

// Values read back and encoded again under the same parameters give the same codes.
void checkStable(const QuantizeSpec &spec, const std::vector<std::uint8_t> &codes,
                 const std::vector<float> &scales, const std::vector<std::int32_t> &zeroPoints,
                 std::size_t groupSize, float tensorScale) {
  std::vector<float> back(codes.size());
  ASSERT_TRUE(dequantizeGroups(spec, codes, scales, zeroPoints, groupSize, back, tensorScale).ok());
  for (std::size_t group = 0; group != scales.size(); ++group) {
    std::size_t start = group * groupSize, length = std::min(groupSize, codes.size() - start);
    std::vector<std::uint8_t> again(length);
    ASSERT_TRUE(encodeGroup(spec, {scales[group], zeroPoints[group]},
                            Span<const float>(back).slice(start, length), again, tensorScale)
                    .ok());
    for (std::size_t i = 0; i != length; ++i) {
      if (!std::isfinite(back[start + i])) // The step above the largest float.
        continue;
      ASSERT_EQ(again[i], codes[start + i])
          << spec.element->name() << " " << scaleFormatName(spec.scaleFormat) << " "
          << back[start + i] << " scale " << scales[group] << " zero " << zeroPoints[group];
    }
  }
}

TEST(QuantizeProperty, RefusedOrUsableAndStable) {
  Source source(2026);
  unsigned accepted = 0;
  for (unsigned round = 0; round != 40000; ++round) {
    QuantizeSpec spec = source.spec();
    std::vector<float> values = source.values();
    std::size_t groupSize = 1 + source.below(40);
    std::size_t groups = (values.size() + groupSize - 1) / groupSize;
    ValueRange range;
    FormatStatus scanned = scanRange(values, range);
    // Too large a range has no tensor scale either; the values are what must be named.
    float tensorScale = scanned.ok() && range.absMax() <= maxRangeMagnitude
                            ? tensorScaleFor(spec, range.absMax())
                            : 1.0f;
    std::vector<std::uint8_t> codes(values.size());
    std::vector<float> scales(groups);
    std::vector<std::int32_t> zeroPoints(groups);
    FormatStatus status =
        quantizeGroups(spec, values, groupSize, {codes, scales, zeroPoints}, tensorScale);
    bool limited = !spec.symmetric || spec.hasTensorScale;
    bool tooLarge = limited && scanned.ok() && range.absMax() > maxRangeMagnitude;
    ASSERT_EQ(status.ok(), scanned.ok() && !tooLarge) << status.message();
    if (!scanned.ok())
      ASSERT_LE(status.index(), scanned.index());
    if (!status.ok())
      continue;
    ++accepted;
    ASSERT_NO_FATAL_FAILURE(checkOutput(spec, codes, scales, zeroPoints, tensorScale));
    ASSERT_NO_FATAL_FAILURE(checkStable(spec, codes, scales, zeroPoints, groupSize, tensorScale));
  }
  EXPECT_GT(accepted, 25000u);
}

} // namespace
