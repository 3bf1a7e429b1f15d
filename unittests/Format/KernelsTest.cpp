// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every instruction set's loops against the scalar definitions, and so against each other, bit by
// bit.

#include "Kernels.h"

#include "qllm/Format/HalfFloat.h"

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::detail;

namespace {

// Lengths around the vector widths, and odd ones.
constexpr std::size_t lengths[] = {1, 3, 7, 8, 15, 16, 31, 32, 33, 64, 100, 257};

class EveryLevel : public testing::TestWithParam<SimdLevel> {
protected:
  void SetUp() override {
    if (!isSupported(GetParam()))
      GTEST_SKIP() << "this machine lacks the instruction set";
  }
  const Kernels &kernels() const { return kernelsFor(GetParam()); }

  // Finite floats of every magnitude, ties of small formats among them.
  static std::vector<float> samples(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<float> values(count);
    for (float &value : values) {
      std::uint32_t bits = random();
      value = bits % 3 == 0 ? static_cast<float>(static_cast<int>(bits >> 20) - 2048) / 64
                            : bitsToFloat(bits);
      if (!std::isfinite(value))
        value = 0.75f;
    }
    return values;
  }
};

TEST_P(EveryLevel, ScanFindsTheExtremes) {
  for (std::size_t length : lengths) {
    std::vector<float> values = samples(length, static_cast<unsigned>(length));
    float low = values[0], high = values[0];
    for (float value : values) {
      low = std::fmin(low, value);
      high = std::fmax(high, value);
    }
    KeyRange range = kernels().scan(values.data(), length);
    EXPECT_EQ(keyToFloat(range.min), low);
    EXPECT_EQ(keyToFloat(range.max), high);
    EXPECT_FALSE(isNonFinite(range.min) || isNonFinite(range.max));
  }
}

TEST_P(EveryLevel, ScanSeesNonFiniteValuesAnywhere) {
  for (float bad : {INFINITY, -INFINITY, NAN, -NAN, bitsToFloat(0x7f800001u)})
    for (std::size_t index = 0; index != 40; ++index) {
      std::vector<float> values(40, 1.0f);
      values[index] = bad;
      KeyRange range = kernels().scan(values.data(), values.size());
      EXPECT_TRUE(isNonFinite(range.min) || isNonFinite(range.max));
    }
}

TEST_P(EveryLevel, MinifloatsAgreeWithTheElementFormat) {
  const std::pair<const ElementFormat *, decltype(Kernels::encodeE4M3)> loops[] = {
      {&ElementFormat::e4m3(), kernels().encodeE4M3},
      {&ElementFormat::e5m2(), kernels().encodeE5M2},
      {&ElementFormat::e3m2(), kernels().encodeE3M2},
      {&ElementFormat::e2m3(), kernels().encodeE2M3},
      {&ElementFormat::e2m1(), kernels().encodeE2M1}};
  for (auto [format, encode] : loops)
    for (std::size_t length : lengths)
      for (float scale : {1.0f, 0.3f, 0x1p-20f}) {
        std::vector<float> values = samples(length, 7);
        std::vector<std::uint8_t> codes(length);
        encode(values.data(), length, scale, codes.data());
        for (std::size_t i = 0; i != length; ++i)
          ASSERT_EQ(codes[i], format->encode(values[i] / scale))
              << format->name() << " " << values[i];
      }
}

TEST_P(EveryLevel, CodebooksAgreeWithTheElementFormat) {
  const ElementFormat &nf4 = ElementFormat::nf4();
  for (std::size_t length : lengths) {
    std::vector<float> values = samples(length, 11);
    std::vector<std::uint8_t> codes(length);
    kernels().encodeCodebook(values.data(), length, 30.0f, nf4.thresholds().data(), codes.data());
    for (std::size_t i = 0; i != length; ++i)
      ASSERT_EQ(codes[i], nf4.encode(values[i] / 30.0f));
  }
}

// At a decision point the lower value wins, just above it the higher one, in every lane.
TEST_P(EveryLevel, CodebookTiesStayLow) {
  Span<const float> thresholds = ElementFormat::nf4().thresholds();
  std::vector<float> values(64);
  std::vector<std::uint8_t> codes(64);
  for (std::size_t t = 0; t != thresholds.size(); ++t) {
    for (std::size_t i = 0; i != values.size(); ++i)
      values[i] = i % 2 ? std::nextafter(thresholds[t], 2.0f) : thresholds[t];
    kernels().encodeCodebook(values.data(), values.size(), 1.0f, thresholds.data(), codes.data());
    for (std::size_t i = 0; i != values.size(); ++i)
      ASSERT_EQ(codes[i], t + i % 2);
  }
}

// Affine codes against round-to-nearest-even in double, for zero points near both limits too.
TEST_P(EveryLevel, AffineCodesRoundHalfToEven) {
  for (std::int32_t zero : {0, 8, -1000000, 2000000})
    for (std::size_t length : lengths) {
      std::vector<float> values = samples(length, 13);
      std::vector<std::uint8_t> codes(length);
      AffineCode code{0.25f, static_cast<float>(-zero), static_cast<float>(15 - zero), zero};
      kernels().encodeAffine(values.data(), length, code, codes.data());
      for (std::size_t i = 0; i != length; ++i) {
        double wanted = std::nearbyint(double{values[i] / 0.25f}) + zero;
        ASSERT_EQ(codes[i], std::fmin(std::fmax(wanted, 0), 15)) << values[i];
      }
    }
}

TEST_P(EveryLevel, DecodingIsExact) {
  std::vector<std::uint8_t> codes(256);
  for (unsigned i = 0; i != 256; ++i)
    codes[i] = static_cast<std::uint8_t>(i);
  std::vector<float> values(256);
  kernels().decodeSigned(codes.data(), 256, 0.1f, 5, values.data());
  for (int i = 0; i != 256; ++i)
    EXPECT_EQ(values[i], 0.1f * static_cast<float>(static_cast<std::int8_t>(i) - 5));
  kernels().decodeUnsigned(codes.data(), 256, 0.1f, -70, values.data());
  for (int i = 0; i != 256; ++i)
    EXPECT_EQ(values[i], 0.1f * static_cast<float>(i + 70));
  kernels().decodeTable(codes.data(), 256, 0.1f, ElementFormat::e2m3().decodeTable(),
                        values.data());
  for (int i = 0; i != 256; ++i)
    EXPECT_EQ(values[i], 0.1f * ElementFormat::e2m3().decode(static_cast<std::uint8_t>(i)));
}

// The sum depends on the order of additions: all levels must use the same one.
TEST_P(EveryLevel, SumsAreTheBaselineBits) {
  for (std::size_t length : lengths) {
    std::vector<float> values = samples(length, 17);
    double wanted = kernelsFor(SimdLevel::Baseline).sumAbs(values.data(), length);
    double got = kernels().sumAbs(values.data(), length);
    EXPECT_EQ(std::memcmp(&wanted, &got, sizeof(got)), 0);
  }
}

std::string levelName(const testing::TestParamInfo<SimdLevel> &info) {
  const char *const names[] = {"Baseline", "AVX2", "AVX512"};
  return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Levels, EveryLevel,
                         testing::Values(SimdLevel::Baseline, SimdLevel::AVX2, SimdLevel::AVX512),
                         levelName);

} // namespace
