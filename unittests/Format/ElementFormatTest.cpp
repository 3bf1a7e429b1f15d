// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Properties of every element format over all codes. The tables themselves are compared with
// independent implementations in test/Python/formats_*.py.

#include "qllm/Format/ElementFormat.h"

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include <gtest/gtest.h>

using namespace qllm;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float notANumber = std::numeric_limits<float>::quiet_NaN();

// The values of a format in ascending order, infinities left out.
std::set<float> finiteValues(const ElementFormat &format) {
  std::set<float> values;
  for (unsigned code = 0; code != format.codeCount(); ++code)
    if (format.isFinite(static_cast<std::uint8_t>(code)))
      values.insert(format.decode(static_cast<std::uint8_t>(code)));
  return values;
}

class EveryFormat : public testing::TestWithParam<const ElementFormat *> {};

// Encoding the value of a code gives the code back, in its extended form.
TEST_P(EveryFormat, EncodeInvertsDecode) {
  const ElementFormat &format = *GetParam();
  for (unsigned raw = 0; raw != format.codeCount(); ++raw) {
    auto code = static_cast<std::uint8_t>(raw);
    if (!format.isFinite(code))
      continue;
    std::uint8_t encoded = format.encode(format.decode(code));
    unsigned mask = format.codeCount() - 1;
    EXPECT_EQ(encoded & mask, raw) << format.name();
    bool negative = format.isSignExtended() && (raw & (format.codeCount() / 2));
    EXPECT_EQ(encoded, negative ? (raw | (0xffu & ~mask)) : raw) << format.name();
  }
}

// Around the middle of every two neighbours the nearer one is chosen, by exact arithmetic in
// double.
TEST_P(EveryFormat, EncodeIsNearestAroundMidpoints) {
  const ElementFormat &format = *GetParam();
  std::set<float> values = finiteValues(format);
  for (auto low = values.begin(), high = std::next(low); high != values.end(); ++low, ++high) {
    float middle = static_cast<float>((double{*low} + double{*high}) / 2);
    for (float x : {std::nextafter(middle, -infinity), middle, std::nextafter(middle, infinity)}) {
      double down = double{x} - double{*low}, up = double{*high} - double{x};
      float got = format.decode(format.encode(x));
      if (down != up) {
        EXPECT_EQ(got, down < up ? *low : *high) << format.name() << " at " << x;
        continue;
      }
      std::uint8_t code = format.encode(x);
      if (format.kind() == ElementKind::Codebook)
        EXPECT_EQ(got, *low);
      else if (format.name() == "ue8m0")
        EXPECT_EQ(got, *high);
      else
        EXPECT_EQ(code & 1, 0) << format.name() << " at the tie " << x;
    }
  }
}

TEST_P(EveryFormat, SaturatesAtBothEnds) {
  const ElementFormat &format = *GetParam();
  std::set<float> values = finiteValues(format);
  EXPECT_EQ(format.maxFinite(), *values.rbegin());
  EXPECT_EQ(format.minFinite(), *values.begin());
  EXPECT_EQ(format.smallestPositive(), *values.upper_bound(0.0f));
  for (float x :
       {std::nextafter(format.maxFinite(), infinity), std::numeric_limits<float>::max(), infinity})
    EXPECT_EQ(format.decode(format.encode(x)), format.maxFinite()) << format.name() << " at " << x;
  if (format.name() == "ue8m0")
    return;
  for (float x : {-std::numeric_limits<float>::max(), -infinity})
    EXPECT_EQ(format.decode(format.encode(x)), format.minFinite()) << format.name() << " at " << x;
}

TEST_P(EveryFormat, NaNEncodesAsNaNOrZero) {
  const ElementFormat &format = *GetParam();
  for (float x : {notANumber, -notANumber}) {
    float got = format.decode(format.encode(x));
    if (format.hasNaN())
      EXPECT_TRUE(std::isnan(got)) << format.name();
    else
      EXPECT_EQ(got, 0.0f) << format.name();
  }
}

TEST_P(EveryFormat, LookupFindsTheSameObject) {
  EXPECT_EQ(ElementFormat::lookup(GetParam()->name()), GetParam());
}

std::vector<const ElementFormat *> everyFormat() {
  std::vector<const ElementFormat *> formats;
  for (const ElementFormat &format : ElementFormat::all())
    formats.push_back(&format);
  return formats;
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat, testing::ValuesIn(everyFormat()),
                         [](const auto &info) { return std::string(info.param->name()); });

TEST(ElementFormat, UnknownNamesAndWidthsGiveNull) {
  EXPECT_EQ(ElementFormat::lookup("int1"), nullptr);
  EXPECT_EQ(ElementFormat::lookup(""), nullptr);
  EXPECT_EQ(ElementFormat::integer(1, true), nullptr);
  EXPECT_EQ(ElementFormat::integer(9, false), nullptr);
  EXPECT_EQ(ElementFormat::integer(4, true), ElementFormat::lookup("int4"));
  EXPECT_EQ(ElementFormat::integer(8, false), ElementFormat::lookup("uint8"));
}

// OCP MX v1.0, table 5: all values of e2m1.
TEST(ElementFormat, E2M1Table) {
  const float wanted[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  for (std::uint8_t code = 0; code != 8; ++code) {
    EXPECT_EQ(ElementFormat::e2m1().decode(code), wanted[code]);
    EXPECT_EQ(ElementFormat::e2m1().decode(code | 8), -wanted[code]);
  }
  EXPECT_TRUE(std::signbit(ElementFormat::e2m1().decode(8)));
  EXPECT_EQ(ElementFormat::e2m1().encode(-0.0f), 8);
}

// The limits that the OCP papers print.
TEST(ElementFormat, PublishedLimits) {
  EXPECT_EQ(ElementFormat::e4m3().maxFinite(), 448.0f);
  EXPECT_EQ(ElementFormat::e4m3().smallestPositive(), 0x1p-9f);
  EXPECT_EQ(ElementFormat::e5m2().maxFinite(), 57344.0f);
  EXPECT_EQ(ElementFormat::e5m2().smallestPositive(), 0x1p-16f);
  EXPECT_EQ(ElementFormat::e3m2().maxFinite(), 28.0f);
  EXPECT_EQ(ElementFormat::e3m2().smallestPositive(), 0.0625f);
  EXPECT_EQ(ElementFormat::e2m3().maxFinite(), 7.5f);
  EXPECT_EQ(ElementFormat::e2m3().smallestPositive(), 0.125f);
  EXPECT_EQ(ElementFormat::ue8m0().maxFinite(), 0x1p127f);
  EXPECT_EQ(ElementFormat::ue8m0().minFinite(), 0x1p-127f);
  EXPECT_EQ(ElementFormat::ue8m0().encode(0.0f), 0);
  EXPECT_EQ(ElementFormat::ue8m0().encode(-0.0f), 0);
  EXPECT_EQ(ElementFormat::ue8m0().encode(-1.0f), 255);
}

// Where overflow starts: half an ulp above the largest value, the tie going to the even code.
TEST(ElementFormat, OverflowWithoutSaturation) {
  const ElementFormat &e4m3 = ElementFormat::e4m3(), &e5m2 = ElementFormat::e5m2();
  EXPECT_EQ(e4m3.encode(464.0f, Overflow::NonFinite), 0x7e);
  EXPECT_EQ(e4m3.encode(std::nextafter(464.0f, infinity), Overflow::NonFinite), 0x7f);
  EXPECT_EQ(e4m3.encode(-infinity, Overflow::NonFinite), 0xff);
  EXPECT_EQ(e5m2.encode(std::nextafter(61440.0f, 0.0f), Overflow::NonFinite), 0x7b);
  EXPECT_EQ(e5m2.encode(61440.0f, Overflow::NonFinite), 0x7c);
  EXPECT_EQ(e5m2.encode(-infinity, Overflow::NonFinite), 0xfc);
  EXPECT_EQ(ElementFormat::e2m1().encode(infinity, Overflow::NonFinite), 7);
}

TEST(ElementFormat, TernaryHasThreeValues) {
  const ElementFormat &ternary = ElementFormat::ternary();
  EXPECT_EQ(ternary.encode(-1.0f), 0xff);
  EXPECT_TRUE(std::isnan(ternary.decode(2)));
  EXPECT_EQ(ternary.decode(3), -1.0f);
  EXPECT_EQ(ternary.decode(0xff), -1.0f);
}

} // namespace
