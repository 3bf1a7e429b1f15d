// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Group parameters and codes: the formulas of docs/formats/quantize.md, their borders, and what is
// refused.

#include "qllm/Format/Quantize.h"
#include "qllm/Format/BlockFormats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

QuantizeSpec specFor(const char *name, bool symmetric = true) {
  QuantizeSpec spec;
  spec.element = ElementFormat::lookup(name);
  spec.symmetric = symmetric;
  return spec;
}

struct Result {
  FormatStatus status;
  std::vector<std::uint8_t> codes;
  std::vector<float> scales;
  std::vector<std::int32_t> zeroPoints;
  std::vector<float> back;
};

// Quantizes and reads back.
Result roundTrip(const QuantizeSpec &spec, const std::vector<float> &values, std::size_t groupSize,
                 float tensorScale = 1.0f) {
  std::size_t groups = (values.size() + groupSize - 1) / groupSize;
  Result r{{},
           std::vector<std::uint8_t>(values.size()),
           std::vector<float>(groups),
           std::vector<std::int32_t>(groups),
           std::vector<float>(values.size())};
  r.status =
      quantizeGroups(spec, values, groupSize, {r.codes, r.scales, r.zeroPoints}, tensorScale);
  if (r.status.ok())
    r.status =
        dequantizeGroups(spec, r.codes, r.scales, r.zeroPoints, groupSize, r.back, tensorScale);
  return r;
}

std::vector<float> normalValues(std::size_t count, float mean = 0.0f) {
  std::mt19937 random(1);
  std::normal_distribution<float> distribution(mean, 1.0f);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

TEST(Quantize, SymmetricFormula) {
  Result r = roundTrip(specFor("int4"), {7, -3.5f, 0.5f, 1.5f, -7}, 5);
  ASSERT_TRUE(r.status.ok());
  EXPECT_EQ(r.scales[0], 1.0f);
  EXPECT_EQ(r.zeroPoints[0], 0);
  EXPECT_EQ(r.back, (std::vector<float>{7, -4, 0, 2, -7}));
}

TEST(Quantize, UnsignedSymmetricIsTheSignedGridMovedByHalf) {
  std::vector<float> values = normalValues(64);
  Result a = roundTrip(specFor("int4"), values, 32), b = roundTrip(specFor("uint4"), values, 32);
  EXPECT_EQ(a.scales, b.scales);
  EXPECT_EQ(a.back, b.back);
  EXPECT_EQ(b.zeroPoints, (std::vector<std::int32_t>{8, 8}));
}

TEST(Quantize, AsymmetricFormulaWithZeroOutsideTheRange) {
  Result r = roundTrip(specFor("uint4", false), {10, 25, 17.5f}, 3);
  ASSERT_TRUE(r.status.ok());
  EXPECT_EQ(r.scales[0], 1.0f);
  EXPECT_EQ(r.zeroPoints[0], -10);
  EXPECT_EQ(r.codes, (std::vector<std::uint8_t>{0, 15, 8}));
  QuantizeSpec withZero = specFor("uint4", false);
  withZero.rangeIncludesZero = true;
  r = roundTrip(withZero, {15, 30, 0.9f}, 3);
  EXPECT_EQ(r.scales[0], 2.0f);
  EXPECT_EQ(r.zeroPoints[0], 0);
}

TEST(Quantize, SignedAsymmetricIsTheUnsignedGridMovedByHalf) {
  std::vector<float> values = normalValues(96, 3.0f);
  Result a = roundTrip(specFor("uint6", false), values, 32),
         b = roundTrip(specFor("int6", false), values, 32);
  EXPECT_EQ(a.back, b.back);
  EXPECT_EQ(a.zeroPoints[1], b.zeroPoints[1] + 32);
}

// A constant group is exact however large its value: the step never gets finer than floats near the
// value.
TEST(Quantize, ConstantGroups) {
  for (float value : {0.0f, 1e-9f, 0.5f, -500.0f, 1e30f, -0x1p126f}) {
    Result r = roundTrip(specFor("uint8", false), std::vector<float>(8, value), 8);
    ASSERT_TRUE(r.status.ok()) << r.status.message();
    EXPECT_NEAR(r.back[0], value, std::max(0.5f * scaleFloor, std::fabs(value) * 0x1p-20f))
        << value;
    EXPECT_LE(std::abs(r.zeroPoints[0]), maxZeroPoint);
  }
  Result zeros = roundTrip(specFor("int4"), std::vector<float>(8, 0.0f), 8);
  EXPECT_EQ(zeros.scales[0], scaleFloor);
  EXPECT_EQ(zeros.back, std::vector<float>(8, 0.0f));
}

// The error is at most half a step for every integer format, width and scheme.
TEST(Quantize, IntegerErrorIsHalfAStep) {
  for (bool symmetric : {true, false})
    for (bool isSigned : {true, false})
      for (unsigned bits = 2; bits <= 8; ++bits) {
        QuantizeSpec spec;
        spec.element = ElementFormat::integer(bits, isSigned);
        spec.symmetric = symmetric;
        std::vector<float> values = normalValues(1000, 0.7f);
        Result r = roundTrip(spec, values, 32);
        ASSERT_TRUE(r.status.ok());
        // An asymmetric zero point is itself rounded, which moves the ends of the range by up to
        // half a step.
        float steps = symmetric ? 0.5f : 1.0f;
        for (std::size_t i = 0; i != values.size(); ++i)
          ASSERT_LE(std::fabs(values[i] - r.back[i]), steps * 1.0001f * r.scales[i / 32]);
      }
}

TEST(Quantize, ScaleStoredAsHalfIsTheOneCodesAreMadeWith) {
  QuantizeSpec spec = specFor("int4");
  spec.scaleFormat = ScaleFormat::F16;
  std::vector<float> values = normalValues(320);
  Result r = roundTrip(spec, values, 32);
  for (std::size_t i = 0; i != values.size(); ++i) {
    float scale = r.scales[i / 32];
    EXPECT_EQ(roundScale(ScaleFormat::F16, scale), scale);
    float wanted = std::fmin(std::fmax(std::nearbyint(values[i] / scale), -8.0f), 7.0f);
    EXPECT_EQ(r.back[i], wanted * scale);
  }
}

// OCP MX v1.0, section 6.3: under the floor rule 7 saturates to 6 in e2m1, under the other rule the
// scale doubles.
TEST(Quantize, MXFP4Rules) {
  QuantizeSpec spec = lookupBlockFormat("mxfp4")->spec;
  std::vector<float> values(32, 0.0f);
  values[3] = 7.0f;
  values[4] = -2.6f;
  Result r = roundTrip(spec, values, 32);
  EXPECT_EQ(r.scales[0], 1.0f);
  EXPECT_EQ(r.back[3], 6.0f);
  EXPECT_EQ(r.back[4], -3.0f);
  spec.powerOfTwoRule = PowerOfTwoRule::RoundUp;
  r = roundTrip(spec, values, 32);
  EXPECT_EQ(r.scales[0], 2.0f);
  EXPECT_EQ(r.back[3], 8.0f); // 3.5 is half way between codes 3 and 4: to the even one
}

TEST(Quantize, NVFP4TwoLevels) {
  const BlockFormat &format = *lookupBlockFormat("nvfp4");
  EXPECT_EQ(format.bitsPerValue(), 4.5);
  std::vector<float> values = normalValues(160);
  values[17] = 80.0f;
  ValueRange range;
  ASSERT_TRUE(scanRange(values, range).ok());
  float tensorScale = tensorScaleFor(format.spec, range.absMax());
  EXPECT_EQ(tensorScale, 80.0f / 2688.0f);
  Result r = roundTrip(format.spec, values, 16, tensorScale);
  ASSERT_TRUE(r.status.ok());
  EXPECT_EQ(r.scales[1], 448.0f);
  EXPECT_NEAR(r.back[17], 80.0f, 1e-5f);
  for (float scale : r.scales)
    EXPECT_EQ(roundScale(ScaleFormat::E4M3, scale), scale);
}

TEST(Quantize, TernaryFromTheMeanMagnitude) {
  QuantizeSpec spec = specFor("ternary");
  spec.statistic = ScaleStatistic::AbsMean;
  Result r = roundTrip(spec, {1, -1, 0.2f, -3.8f, 0, 0, 0, 0, 0, 0, 0, 6}, 12);
  EXPECT_EQ(r.scales[0], 1.0f);
  EXPECT_EQ(r.back, (std::vector<float>{1, -1, 0, -1, 0, 0, 0, 0, 0, 0, 0, 1}));
}

// Groups are independent: any split of the work at group borders gives the same bits.
TEST(Quantize, GroupsAreIndependent) {
  for (const BlockFormat &format : allBlockFormats()) {
    std::vector<float> values = normalValues(format.groupSize * 5 + 3);
    Result whole = roundTrip(format.spec, values, format.groupSize);
    std::vector<float> head(values.begin(), values.begin() + format.groupSize * 2);
    std::vector<float> tail(values.begin() + format.groupSize * 2, values.end());
    Result first = roundTrip(format.spec, head, format.groupSize),
           second = roundTrip(format.spec, tail, format.groupSize);
    first.codes.insert(first.codes.end(), second.codes.begin(), second.codes.end());
    first.scales.insert(first.scales.end(), second.scales.begin(), second.scales.end());
    EXPECT_EQ(whole.codes, first.codes) << format.name;
    EXPECT_EQ(whole.scales, first.scales) << format.name;
  }
}

TEST(Quantize, EncodeGroupSaturatesAndRefusesNaN) {
  std::vector<std::uint8_t> codes(3);
  std::vector<float> values{INFINITY, -INFINITY, 2.5f};
  ASSERT_TRUE(encodeGroup(specFor("int4"), {1.0f, 0}, values, codes).ok());
  EXPECT_EQ(codes, (std::vector<std::uint8_t>{7, 0xf8, 2}));
  values[2] = NAN;
  FormatStatus status = encodeGroup(specFor("int4"), {1.0f, 0}, values, codes);
  EXPECT_EQ(status.index(), 2u);
}

TEST(Quantize, NonFiniteInputIsNamed) {
  for (const BlockFormat &format : allBlockFormats())
    for (float bad : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> values(200, 1.0f);
      values[137] = values[150] = bad;
      Result r = roundTrip(format.spec, values, format.groupSize);
      EXPECT_EQ(r.status.index(), 137u) << format.name;
    }
  std::vector<float> values{1, NAN};
  EXPECT_EQ(roundTrip(specFor("int8"), values, 2).status.message(),
            "expected finite values, but element 1 is nan");
  values[1] = 2e38f;
  EXPECT_EQ(roundTrip(specFor("int8", false), values, 2).status.message(),
            "expected magnitudes up to 2^126 for asymmetric integers and under a tensor scale, but "
            "element "
            "1 is 2e+38");
  EXPECT_TRUE(roundTrip(specFor("int8"), values, 2).status.ok());
}

TEST(Quantize, SpecsThatDoNotGoTogetherAreRefused) {
  EXPECT_EQ(QuantizeSpec().verify().message(), "expected an element format, but got none");
  EXPECT_EQ(specFor("e2m1", false).verify().message(),
            "expected an integer format for asymmetric quantization, but got e2m1");
  EXPECT_FALSE(specFor("ue8m0").verify().ok());
  QuantizeSpec spec = specFor("int4");
  spec.rangeIncludesZero = true;
  EXPECT_FALSE(spec.verify().ok());
  spec = specFor("int4");
  spec.statistic = ScaleStatistic::AbsMean;
  EXPECT_FALSE(spec.verify().ok());
}

// The clipped range stays within what a scale can be made of, however large the clip.
TEST(Quantize, ClipOfTheRange) {
  QuantizeSpec spec = specFor("int4");
  spec.clip = 0.5f;
  Result r = roundTrip(spec, {-14, 3, 14}, 3);
  EXPECT_EQ(r.scales[0], 1.0f);
  EXPECT_EQ(r.back, (std::vector<float>{-8, 3, 7}));
  for (const char *name : {"int4", "uint4"}) {
    spec = specFor(name, name[0] == 'i');
    spec.clip = std::numeric_limits<float>::max();
    r = roundTrip(spec, {-1e30f, 1e30f}, 2);
    ASSERT_TRUE(r.status.ok()) << r.status.message();
    EXPECT_TRUE(std::isfinite(r.scales[0]));
  }
  spec = specFor("e2m1");
  spec.scaleFormat = ScaleFormat::E4M3;
  spec.hasTensorScale = true;
  spec.clip = 0.25f;
  EXPECT_EQ(tensorScaleFor(spec, 4 * 448 * 6), 1.0f);
  for (float clip : {0.0f, -1.0f, std::numeric_limits<float>::infinity(),
                     std::numeric_limits<float>::quiet_NaN()}) {
    spec.clip = clip;
    EXPECT_FALSE(spec.verify().ok()) << clip;
  }
}

TEST(Quantize, WrongSizesAreRefused) {
  std::vector<float> values(10), scales(2);
  std::vector<std::uint8_t> codes(10);
  auto message = [&](std::size_t groupSize) {
    return quantizeGroups(specFor("int4"), values, groupSize, {codes, scales, {}}).message();
  };
  EXPECT_EQ(message(0), "expected a group size of at least 1, but got 0");
  EXPECT_EQ(message(3), "expected 4 scales for 10 values in groups of 3, but got 2");
  EXPECT_EQ(message(8), "");
  EXPECT_EQ(quantizeGroups(specFor("int4", false), values, 8, {codes, scales, {}}).message(),
            "expected 2 zero points for 10 values in groups of 8, but got 0");
  EXPECT_FALSE(quantizeGroups(specFor("int4"), values, 8, {codes, scales, {}}, 2.0f).ok());
  codes.pop_back();
  EXPECT_FALSE(quantizeGroups(specFor("int4"), values, 8, {codes, scales, {}}).ok());
}

// However the scales are stored, a group of zeros has a step to divide by.
TEST(Quantize, ZeroGroupsUnderATensorScale) {
  for (const char *element : {"int4", "uint8", "e2m1", "nf4", "ternary"})
    for (ScaleFormat scaleFormat : {ScaleFormat::F32, ScaleFormat::F16, ScaleFormat::BF16,
                                    ScaleFormat::UE8M0, ScaleFormat::E4M3})
      for (float tensorScale : {0x1p-126f, 0x1p-100f, 1.0f, 0x1p118f}) {
        QuantizeSpec spec = specFor(element);
        spec.scaleFormat = scaleFormat;
        spec.hasTensorScale = true;
        Result r = roundTrip(spec, {0, 0}, 2, tensorScale);
        ASSERT_TRUE(r.status.ok());
        EXPECT_GT(r.scales[0] * tensorScale, 0.0f);
        EXPECT_EQ(r.back, (std::vector<float>{0, 0}));
        std::uint8_t zero =
            r.zeroPoints[0] ? static_cast<std::uint8_t>(r.zeroPoints[0]) : spec.element->encode(0);
        EXPECT_EQ(r.codes[0], zero) << element << " " << scaleFormatName(scaleFormat);
      }
}

// A tensor scanned in pieces gets the parameters it gets in one.
TEST(Quantize, ParametersFromARange) {
  std::vector<float> values = normalValues(300, 0.4f);
  ValueRange whole, piece;
  for (std::size_t start = 0; start != 300; start += 100) {
    ASSERT_TRUE(scanRange(Span<const float>(values).slice(start, 100), piece).ok());
    whole.merge(piece);
  }
  for (const QuantizeSpec &spec : {specFor("int8"), specFor("uint4", false), specFor("e2m1")}) {
    GroupParameters fromRange, fromValues;
    ASSERT_TRUE(computeRangeParameters(spec, whole, fromRange).ok());
    ASSERT_TRUE(computeParameters(spec, values, fromValues).ok());
    EXPECT_EQ(fromRange.scale, fromValues.scale);
    EXPECT_EQ(fromRange.zeroPoint, fromValues.zeroPoint);
  }
  GroupParameters parameters;
  EXPECT_FALSE(computeRangeParameters(specFor("int8"), ValueRange(), parameters).ok());
  EXPECT_FALSE(computeRangeParameters(specFor("int8"), {0, INFINITY, false}, parameters).ok());
  EXPECT_FALSE(computeRangeParameters(specFor("int8"), {NAN, 1, false}, parameters).ok());
  QuantizeSpec mean = specFor("ternary");
  mean.statistic = ScaleStatistic::AbsMean;
  EXPECT_FALSE(computeRangeParameters(mean, whole, parameters).ok());
}

TEST(Quantize, UnusableTensorScalesAreRefused) {
  QuantizeSpec spec = lookupBlockFormat("nvfp4")->spec;
  for (float scale : {0.0f, -1.0f, 1e-40f, 1e37f, INFINITY, NAN})
    EXPECT_FALSE(roundTrip(spec, {1, 2, 3}, 16, scale).status.ok()) << scale;
  EXPECT_EQ(roundTrip(spec, {1, 2, 3}, 16, 0.0f).status.message(),
            "expected a tensor scale from 2^-126 to 2^118, but got 0");
  EXPECT_TRUE(roundTrip(spec, {1, 2, 3}, 16, tensorScaleFor(spec, 0.0f)).status.ok());
}

// Parameters that come from files: refused where they would be meaningless, never undefined.
TEST(Quantize, BadParametersAreRefused) {
  std::vector<float> values(2);
  std::vector<std::uint8_t> codes(2);
  for (float scale : {0.0f, -1.0f, NAN, INFINITY})
    EXPECT_FALSE(encodeGroup(specFor("int4"), {scale, 0}, values, codes).ok());
  for (std::int32_t zero : {INT32_MIN, INT32_MAX, maxZeroPoint + 1}) {
    EXPECT_FALSE(encodeGroup(specFor("int4"), {1.0f, zero}, values, codes).ok());
    EXPECT_FALSE(decodeGroup(specFor("int4"), {1.0f, zero}, codes, values).ok());
  }
}

} // namespace
