// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WarpRegisters.h"
#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include "qllm/Format/HalfFloat.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <string>

using namespace qllm;
using namespace qllm::emu;

namespace {

std::string mnemonic(const std::string &kind, const std::string &vector, const std::string &a,
                     const std::string &b, const std::string &scale,
                     const std::string &selectors = ".a::0_0.b::0_0") {
  return "mma.sync.aligned.m16n8k" + std::string(kind == "mxf8f6f4" ? "32" : "64") +
         ".row.col.kind::" + kind + ".block_scale.scale_vec::" + vector + ".f32." + a + "." + b +
         ".f32." + scale + selectors;
}

BlockScaledMma parse(const std::string &name) {
  return std::get<BlockScaledMma>(*parseCollective(name));
}

/// A product with its operands as matrices of codes, and as the registers that the PTX ISA puts
/// them in. Registers and bytes that do not count hold garbage.
struct Product {
  BlockScaledMma mma;
  WarpRegisters in{12}, out{4};
  std::vector<uint8_t> a, b, scaleA, scaleB;
  std::vector<float> c;

  template <typename Code, typename Scale>
  Product(BlockScaledMma mma, std::mt19937 &random, Code code, Scale scale)
      : mma(mma), a(16 * mma.k), b(8 * mma.k), scaleA(16 * mma.scales), scaleB(8 * mma.scales),
        c(16 * 8) {
    for (uint8_t &value : a)
      value = uint8_t(code(*mma.a));
    for (uint8_t &value : b)
      value = uint8_t(code(*mma.b));
    for (std::vector<uint8_t> *scales : {&scaleA, &scaleB})
      for (uint8_t &value : *scales)
        value = uint8_t(scale());
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned word : {10u, 11u})
        in[lane][word] = random();
  }

  void place() {
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned word = 0; word < 10; ++word)
        in[lane][word] = 0;
    unsigned perWord = mma.k / 8;
    auto field = [&](const ElementFormat &format, unsigned k, uint32_t code) {
      unsigned inside = mma.k == 32 && format.bits() == 4 ? 2 : 0;
      return code << (k % perWord * (32 / perWord) + inside);
    };
    for (unsigned k = 0; k < mma.k; ++k) {
      unsigned word = k / perWord;
      for (unsigned i = 0; i < 16; ++i)
        in[i % 8 * 4 + word % 4][i / 8 + 2 * (word / 4)] |= field(*mma.a, k, a[i * mma.k + k]);
      for (unsigned j = 0; j < 8; ++j)
        in[j * 4 + word % 4][4 + word / 4] |= field(*mma.b, k, b[j * mma.k + k]);
    }
    for (unsigned i = 0; i < 16; ++i)
      for (unsigned j = 0; j < 8; ++j)
        in[i % 8 * 4 + j / 2][6 + i / 8 * 2 + j % 2] = floatToBits(c[i * 8 + j]);
    for (unsigned s = 0; s < mma.scales; ++s) {
      for (unsigned i = 0; i < 16; ++i)
        setByte(in[i % 8 * 4 + 2 * mma.selectorA.thread + i / 8][10], mma.selectorA.byte + s,
                scaleA[i * mma.scales + s]);
      for (unsigned j = 0; j < 8; ++j)
        setByte(in[j * 4 + mma.selectorB.thread][11], mma.selectorB.byte + s,
                scaleB[j * mma.scales + s]);
    }
  }
  static void setByte(uint32_t &word, unsigned byte, uint32_t value) {
    word = (word & ~(0xffu << 8 * byte)) | value << 8 * byte;
  }

  float result(unsigned i, unsigned j) {
    return bitsToFloat(out[i % 8 * 4 + j / 2][i / 8 * 2 + j % 2]);
  }
  double scaled(const ElementFormat &format, const std::vector<uint8_t> &codes,
                const std::vector<uint8_t> &scales, unsigned row, unsigned k) const {
    return double(format.decode(codes[row * mma.k + k])) *
           std::fabs(mma.scale->decode(scales[row * mma.scales + k * mma.scales / mma.k]));
  }
  double valueA(unsigned i, unsigned k) const { return scaled(*mma.a, a, scaleA, i, k); }
  double valueB(unsigned k, unsigned j) const { return scaled(*mma.b, b, scaleB, j, k); }
};

/// Codes of values near one, with any sign.
auto modestCodes(std::mt19937 &random) {
  return [&random](const ElementFormat &format) {
    unsigned code = format.bits() == 8 ? 0x30 + random() % 16 : random() % 8;
    return code | (random() % 2) << (format.bits() - 1);
  };
}

struct Form {
  const char *kind, *vector, *a, *b, *scale, *selectors;
};

class BlockScale : public testing::TestWithParam<Form> {
protected:
  BlockScaledMma mma() const {
    const Form &f = GetParam();
    return parse(mnemonic(f.kind, f.vector, f.a, f.b, f.scale, f.selectors));
  }
};

/// Scales that are powers of two near one leave every sum exact, in the model too.
TEST_P(BlockScale, EqualsTheMatrixProduct) {
  for (bool exact : {false, true}) {
    std::mt19937 random(11);
    bool power = mma().scale->name() == "ue8m0";
    Product p(mma(), random, modestCodes(random), [&] {
      return power ? 126 + random() % 3 : (random() % 2) << 7 | (6 + random() % 3) << 3;
    });
    for (float &value : p.c)
      value = float(int(random() % 65) - 32);
    p.place();
    evaluate(p.mma, exact ? exactModel() : floatModel(p.mma), p.in.in(), p.out.out());
    for (unsigned i = 0; i < 16; ++i)
      for (unsigned j = 0; j < 8; ++j) {
        double sum = p.c[i * 8 + j];
        for (unsigned k = 0; k < p.mma.k; ++k)
          sum += p.valueA(i, k) * p.valueB(k, j);
        ASSERT_EQ(p.result(i, j), float(sum)) << i << "," << j;
      }
  }
}

double cut(double value, int bits) {
  return std::ldexp(std::trunc(std::ldexp(value, bits)), -bits);
}

/// The exponent of a finite value of a format whose smallest normal one has the exponent `least`.
int exponentOf(double value, int least) { return std::max(std::ilogb(value), least); }

/// The published algorithm once more, in f64: terms are given exactly, with the exponent that the
/// machine aligns them by.
float alignedSum(const std::vector<std::pair<double, int>> &terms, float c, int fractionBits,
                 int zero) {
  int largest = c == 0 ? zero : exponentOf(c, -126);
  for (auto [value, exponent] : terms)
    largest = std::max(largest, exponent);
  double sum = cut(c, fractionBits - largest);
  for (auto [value, exponent] : terms)
    sum += cut(value, fractionBits - largest);
  return sum == 0 ? 0 : float(cut(sum, 23 - exponentOf(sum, -126)));
}

int leastExponent(const ElementFormat &format) {
  return format.name() == "ue8m0" ? -127 : 1 - format.minifloat().bias;
}

TEST_P(BlockScale, AgreesWithAnIndependentVersion) {
  std::mt19937 random(5);
  for (int round = 0; round < 60; ++round) {
    auto anyCode = [&](const ElementFormat &format) {
      unsigned code = random() % format.codeCount();
      return format.isFinite(uint8_t(code)) ? code : 0;
    };
    // Scales close together in half of the rounds, where cuts matter; wide apart in the others.
    auto anyScale = [&]() -> unsigned {
      if (mma().scale->name() == "ue8m0")
        return round % 2 ? 120 + random() % 16 : 64 + random() % 128;
      return round % 2 ? 40 + random() % 32 : random() % 127;
    };
    Product p(mma(), random, anyCode, anyScale);
    for (float &value : p.c)
      value = round % 5 ? std::ldexp(float(int32_t(random())), int(random() % 40) - 50) : 0;
    if (round % 3 == 0) // pairs of products that cancel
      for (unsigned i = 0; i < 16; ++i)
        for (unsigned k = 0; k + 1 < p.mma.k; k += 2) {
          p.a[i * p.mma.k + k + 1] = uint8_t(p.a[i * p.mma.k + k] ^ 1u << (p.mma.a->bits() - 1));
          for (unsigned j = 0; j < 8; ++j)
            p.b[j * p.mma.k + k + 1] = p.b[j * p.mma.k + k];
        }
    p.place();
    evaluate(p.mma, floatModel(p.mma), p.in.in(), p.out.out());
    const ElementFormat &scale = *p.mma.scale;
    bool grouped = p.mma.k == 64;
    int zero = grouped ? -139 : -133;
    for (unsigned i = 0; i < 16; ++i)
      for (unsigned j = 0; j < 8; ++j) {
        std::vector<std::pair<double, int>> terms;
        for (unsigned first = 0; first < p.mma.k; first += grouped ? 16 : 1) {
          double sum = 0;
          bool any = false;
          for (unsigned k = first; k < first + (grouped ? 16 : 1); ++k) {
            sum += p.valueA(i, k) * p.valueB(k, j);
            any |= p.valueA(i, k) * p.valueB(k, j) != 0;
          }
          unsigned block = first * p.mma.scales / p.mma.k;
          float x = std::fabs(scale.decode(p.scaleA[i * p.mma.scales + block])),
                y = std::fabs(scale.decode(p.scaleB[j * p.mma.scales + block]));
          int exponent = zero;
          if (any)
            exponent = exponentOf(x, leastExponent(scale)) + exponentOf(y, leastExponent(scale));
          if (any && !grouped)
            exponent +=
                exponentOf(p.mma.a->decode(p.a[i * p.mma.k + first]), leastExponent(*p.mma.a)) +
                exponentOf(p.mma.b->decode(p.b[j * p.mma.k + first]), leastExponent(*p.mma.b));
          terms.push_back({sum, exponent});
        }
        ASSERT_EQ(p.result(i, j), alignedSum(terms, p.c[i * 8 + j], grouped ? 35 : 25, zero))
            << "round " << round << ", " << i << "," << j;
      }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Forms, BlockScale,
    testing::Values(Form{"mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3", ".a::0_0.b::0_0"},
                    Form{"mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3", ".a::0_1.b::0_3"},
                    Form{"mxf4nvf4", "2X", "e2m1", "e2m1", "ue8m0", ".a::2_0.b::0_2"},
                    Form{"mxf4", "2X", "e2m1", "e2m1", "ue8m0", ".a::0_1.b::2_1"},
                    Form{"mxf8f6f4", "1X", "e4m3", "e4m3", "ue8m0", ".a::0_0.b::3_0"},
                    Form{"mxf8f6f4", "1X", "e5m2", "e2m1", "ue8m0", ".a::1_1.b::2_1"},
                    Form{"mxf8f6f4", "1X", "e2m1", "e3m2", "ue8m0", ".a::3_0.b::1_3"},
                    Form{"mxf8f6f4", "1X", "e2m3", "e4m3", "ue8m0", ".a::2_1.b::0_2"}));

TEST(BlockScaleValues, NotANumberAndInfinity) {
  auto first = [](const std::string &name, uint8_t code, uint8_t scale, float c) {
    std::mt19937 random(1);
    Product p(parse(name), random, [](const ElementFormat &) { return 0; }, [] { return 0x38; });
    p.a[0] = code;
    p.b[0] = 0x38; // 1 in e4m3
    p.scaleA[0] = scale;
    p.c[0] = c;
    p.place();
    evaluate(p.mma, floatModel(p.mma), p.in.in(), p.out.out());
    return floatToBits(p.result(0, 0));
  };
  const uint32_t nan = 0x7fffffff, infinity = 0x7f800000;
  std::string four = mnemonic("mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3"),
              eight = mnemonic("mxf8f6f4", "1X", "e5m2", "e4m3", "ue8m0");
  EXPECT_EQ(first(four, 0, 0x7f, 1), nan);
  EXPECT_EQ(first(four, 0, 0xff, 1), nan);
  EXPECT_EQ(first(four, 0, 0x38, NAN), nan);
  EXPECT_EQ(first(four, 0, 0x38, INFINITY), infinity);
  EXPECT_EQ(first(eight, 0, 0xff, 1), nan);
  EXPECT_EQ(first(eight, 0x7c, 0x38, 1), infinity);
  EXPECT_EQ(first(eight, 0x7c, 0x38, -INFINITY), nan);
  EXPECT_EQ(first(eight, 0x7e, 0x38, 1), nan);
}

/// Forms that no machine has.
TEST(BlockScaleNames, AreRefused) {
  for (const std::string &name :
       {mnemonic("mxf4", "4X", "e2m1", "e2m1", "ue8m0"),
        mnemonic("mxf4nvf4", "2X", "e2m1", "e2m1", "ue4m3"),
        mnemonic("mxf4", "2X", "e2m1", "e4m3", "ue8m0"),
        mnemonic("mxf8f6f4", "1X", "e4m3", "s8", "ue8m0"),
        mnemonic("mxf8f6f4", "1X", "e4m3", "e4m3", "ue4m3"),
        mnemonic("mxf4", "2X", "e2m1", "e2m1", "ue8m0", ".a::1_0.b::0_0"),
        mnemonic("mxf4", "2X", "e2m1", "e2m1", "ue8m0", ".a::0_2.b::0_0"),
        mnemonic("mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3", ".a::0_0.b::0_4"),
        mnemonic("mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3", "")})
    EXPECT_FALSE(parseCollective(name)) << name;
  EXPECT_TRUE(parseCollective(mnemonic("mxf4nvf4", "4X", "e2m1", "e2m1", "ue4m3")));
}

} // namespace
