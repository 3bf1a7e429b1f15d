// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WarpRegisters.h"
#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include "qllm/Format/HalfFloat.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace qllm;
using namespace qllm::emu;

namespace {

Mma parse(const char *mnemonic) { return std::get<Mma>(*parseCollective(mnemonic)); }

/// Writes element (row, k) of A, `bits` wide, where the PTX ISA says that the operand lies.
void setA(const Mma &mma, WarpRegisters &registers, unsigned row, unsigned k, uint32_t value) {
  unsigned bits = elementBits(mma.a), perWord = 32 / bits, word = k / perWord;
  unsigned lane = row % 8 * 4 + word % 4, index = row / 8 + 2 * (word / 4);
  registers[lane][index] |= value << (k % perWord * bits);
}
void setB(const Mma &mma, WarpRegisters &registers, unsigned k, unsigned column, uint32_t value) {
  unsigned bits = elementBits(mma.b), perWord = 32 / bits, word = k / perWord;
  registers[column * 4 + word % 4][mma.wordsA() + word / 4] |= value << (k % perWord * bits);
}
unsigned laneOfC(unsigned row, unsigned column) { return row % 8 * 4 + column / 2; }
unsigned indexOfC(unsigned row, unsigned column) { return row / 8 * 2 + column % 2; }

int32_t extended(uint32_t value, Element element) {
  unsigned bits = elementBits(element);
  bool isSigned = element == Element::S4 || element == Element::S8;
  return isSigned && value >> (bits - 1) ? int32_t(value) - (1 << bits) : int32_t(value);
}

class IntegerMma : public testing::TestWithParam<const char *> {};

TEST_P(IntegerMma, EqualsTheMatrixProduct) {
  Mma mma = parse(GetParam());
  std::mt19937 random(mma.k);
  WarpRegisters in(mma.wordsA() + mma.wordsB() + mma.wordsC()), out(mma.wordsC());
  std::vector<int32_t> a(16 * mma.k), b(mma.k * 8);
  uint32_t mask = (1u << elementBits(mma.a)) - 1;
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned k = 0; k < mma.k; ++k) {
      uint32_t value = random() & mask;
      setA(mma, in, i, k, value);
      a[i * mma.k + k] = extended(value, mma.a);
    }
  for (unsigned k = 0; k < mma.k; ++k)
    for (unsigned j = 0; j < 8; ++j) {
      uint32_t value = random() & mask;
      setB(mma, in, k, j, value);
      b[k * 8 + j] = extended(value, mma.b);
    }
  unsigned first = mma.wordsA() + mma.wordsB();
  for (unsigned lane = 0; lane < 32; ++lane)
    for (unsigned r = 0; r < 4; ++r)
      in[lane][first + r] = random();
  evaluate(mma, exactModel(), in.in(), out.out());
  for (unsigned i = 0; i < 16; ++i)
    for (unsigned j = 0; j < 8; ++j) {
      int64_t sum = int32_t(in[laneOfC(i, j)][first + indexOfC(i, j)]);
      for (unsigned k = 0; k < mma.k; ++k)
        sum += a[i * mma.k + k] * b[k * 8 + j];
      if (mma.saturate)
        sum = std::min<int64_t>(INT32_MAX, std::max<int64_t>(INT32_MIN, sum));
      EXPECT_EQ(out[laneOfC(i, j)][indexOfC(i, j)], uint32_t(sum)) << i << "," << j;
    }
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, IntegerMma,
    testing::Values("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32",
                    "mma.sync.aligned.m16n8k32.row.col.satfinite.s32.s8.s8.s32",
                    "mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32",
                    "mma.sync.aligned.m16n8k16.row.col.s32.s8.u8.s32",
                    "mma.sync.aligned.m16n8k64.row.col.s32.s4.s4.s32",
                    "mma.sync.aligned.m16n8k64.row.col.s32.u4.s4.s32",
                    "mma.sync.aligned.m16n8k32.row.col.s32.s4.u4.s32"));

TEST(IntegerMmaOverflow, WrapsOrSaturates) {
  for (bool saturate : {false, true}) {
    Mma mma = parse(saturate ? "mma.sync.m16n8k32.row.col.satfinite.s32.s8.s8.s32"
                             : "mma.sync.m16n8k32.row.col.s32.s8.s8.s32");
    WarpRegisters in(10), out(4);
    setA(mma, in, 0, 0, 1);
    setB(mma, in, 0, 0, 1);
    in[0][6] = INT32_MAX;
    evaluate(mma, exactModel(), in.in(), out.out());
    EXPECT_EQ(out[0][0], saturate ? uint32_t(INT32_MAX) : 0x80000000u);
  }
}

/// Warp w of the warpgroup holds rows 16 w to 16 w + 15, a group of four registers for eight
/// columns.
TEST(WarpgroupMma, EqualsTheMatrixProduct) {
  for (const char *name : {"wgmma.mma_async.sync.aligned.m64n24k32.s32.s8.u8",
                           "wgmma.mma_async.sync.aligned.m64n24k32.s32.s8.u8.zero"}) {
    auto mma = std::get<WarpgroupMma>(*parseCollective(name));
    std::mt19937 random(3);
    std::vector<uint8_t> a(64 * 32), b(mma.n * 32);
    for (std::vector<uint8_t> *operand : {&a, &b})
      for (uint8_t &byte : *operand)
        byte = uint8_t(random());
    unsigned words = mma.wordsD();
    std::vector<uint32_t> in(128 * words), out(128 * words);
    std::vector<const uint32_t *> inLanes;
    std::vector<uint32_t *> outLanes;
    for (unsigned lane = 0; lane < 128; ++lane) {
      inLanes.push_back(&in[lane * words]);
      outLanes.push_back(&out[lane * words]);
    }
    for (uint32_t &word : in)
      word = random();
    evaluate(mma, exactModel(), a.data(), b.data(), inLanes.data(), 0, outLanes.data());
    for (unsigned i = 0; i < 64; ++i)
      for (unsigned j = 0; j < mma.n; ++j) {
        unsigned lane = i / 16 * 32 + laneOfC(i % 16, j % 8),
                 word = j / 8 * 4 + indexOfC(i % 16, j % 8);
        uint32_t sum = mma.accumulate ? inLanes[lane][word] : 0;
        for (unsigned k = 0; k < 32; ++k)
          sum += uint32_t(int32_t(int8_t(a[i * 32 + k])) * int32_t(b[j * 32 + k]));
        ASSERT_EQ(outLanes[lane][word], sum) << i << "," << j;
      }
  }
}

/// Registers of A: lane 4 g + t of warp w holds bytes 4 t and 16 + 4 t of rows 16 w + g and 16 w +
/// g + 8.
TEST(WarpgroupMma, FragmentsAreRows) {
  auto mma = std::get<WarpgroupMma>(
      *parseCollective("wgmma.mma_async.sync.aligned.m64n8k32.s32.s8.s8.registers"));
  EXPECT_TRUE(mma.registerA);
  EXPECT_FALSE(mma.unfenced);
  EXPECT_EQ(mma.firstDescriptor(), 4u);
  EXPECT_EQ(mma.firstD(), 6u);
  std::vector<uint8_t> rows(64 * 32), gathered(64 * 32);
  for (size_t i = 0; i < rows.size(); ++i)
    rows[i] = uint8_t(i * 7 + i / 32);
  std::vector<std::array<uint32_t, 4>> words(128);
  std::vector<const uint32_t *> lanes;
  for (unsigned thread = 0; thread < 128; ++thread) {
    for (unsigned r = 0; r < 4; ++r)
      std::memcpy(&words[thread][r],
                  &rows[(thread / 32 * 16 + thread % 32 / 4 + r % 2 * 8) * 32 + thread % 4 * 4 +
                        r / 2 * 16],
                  4);
    lanes.push_back(words[thread].data());
  }
  gatherFragments(lanes.data(), gathered.data());
  EXPECT_EQ(gathered, rows);
}

/// Small integers have exact sums in every order, so every model must give the same bits.
TEST(FloatMma, ExactOnSmallIntegers) {
  for (const char *name :
       {"mma.sync.m16n8k16.row.col.f32.f16.f16.f32", "mma.sync.m16n8k16.row.col.f16.f16.f16.f16",
        "mma.sync.m16n8k16.row.col.f32.bf16.bf16.f32", "mma.sync.m16n8k8.row.col.f32.f16.f16.f32",
        "mma.sync.m16n8k32.row.col.f32.e4m3.e4m3.f32",
        "mma.sync.m16n8k32.row.col.f16.e5m2.e4m3.f16"})
    for (unsigned architecture : {0u, 80u, 89u, 90u, 120u}) {
      Mma mma = parse(name);
      FloatModel model = architecture ? floatModel(architecture, mma) : exactModel();
      std::mt19937 random(7);
      WarpRegisters in(mma.wordsA() + mma.wordsB() + mma.wordsC()), out(mma.wordsC());
      auto encode = [&](Element element, int value) -> uint32_t {
        if (element == Element::E4M3)
          return ElementFormat::e4m3().encode(float(value));
        if (element == Element::E5M2)
          return ElementFormat::e5m2().encode(float(value));
        return element == Element::F16 ? floatToHalf(float(value)) : floatToBFloat16(float(value));
      };
      // What every format can hold.
      auto draw = [&] { return int(random() % 9) - 4; };
      std::vector<int> a(16 * mma.k), b(mma.k * 8);
      for (unsigned i = 0; i < 16; ++i)
        for (unsigned k = 0; k < mma.k; ++k)
          setA(mma, in, i, k, encode(mma.a, a[i * mma.k + k] = draw()));
      for (unsigned k = 0; k < mma.k; ++k)
        for (unsigned j = 0; j < 8; ++j)
          setB(mma, in, k, j, encode(mma.b, b[k * 8 + j] = draw()));
      evaluate(mma, model, in.in(), out.out());
      for (unsigned i = 0; i < 16; ++i)
        for (unsigned j = 0; j < 8; ++j) {
          int sum = 0;
          for (unsigned k = 0; k < mma.k; ++k)
            sum += a[i * mma.k + k] * b[k * 8 + j];
          unsigned lane = laneOfC(i, j), index = indexOfC(i, j);
          float got = mma.accumulator == Element::F32
                          ? bitsToFloat(out[lane][index])
                          : halfToFloat(uint16_t(out[lane][index / 2] >> 16 * (index % 2)));
          EXPECT_EQ(got, float(sum)) << name << " sm_" << architecture;
        }
    }
}

/// The published algorithm once more, in f64.
float alignedSum(const std::vector<float> &a, const std::vector<float> &b, float c,
                 int fractionBits) {
  auto exponent = [](float value, int least) {
    return value == 0 ? -126 : std::max(std::ilogb(value), least);
  };
  int largest = exponent(c, -126);
  for (size_t k = 0; k < a.size(); ++k)
    largest = std::max(largest, exponent(a[k], -14) + exponent(b[k], -14));
  auto cut = [&](double value, int bits) {
    return std::ldexp(std::trunc(std::ldexp(value, bits)), -bits);
  };
  double sum = cut(c, fractionBits - largest);
  for (size_t k = 0; k < a.size(); ++k)
    sum += cut(double(a[k]) * b[k], fractionBits - largest);
  if (sum == 0)
    return 0;
  return float(cut(sum, 23 - std::max(std::ilogb(sum), -126)));
}

TEST(FloatModel, AgreesWithAnIndependentVersion) {
  std::mt19937 random(1);
  for (int round = 0; round < 20000; ++round) {
    const unsigned count = 8;
    FloatModel model{round % 3 ? 24 : 25, count};
    std::vector<float> a(count), b(count);
    std::vector<int32_t> significandsA(count), exponentsA(count), significandsB(count * kColumns),
        exponentsB(count * kColumns);
    for (unsigned k = 0; k < count; ++k) {
      // Half of the rounds with exponents close together, where cuts matter; now and then
      // subnormals.
      auto draw = [&] {
        uint32_t bits = random() & 0xffff;
        if (round % 2)
          bits = (bits & 0x83ff) | (13 + random() % 4) << 10;
        if (round % 7 == 0)
          bits &= 0x83ff;
        return (bits >> 10 & 31) == 31 ? bits & 0x83ff : bits;
      };
      uint32_t x = draw(), y = draw();
      a[k] = halfToFloat(uint16_t(x));
      b[k] = halfToFloat(uint16_t(y));
      Decoded dx = decode(x, Element::F16), dy = decode(y, Element::F16);
      significandsA[k] = dx.significand;
      exponentsA[k] = dx.exponent;
      for (unsigned j = 0; j < kColumns; ++j) {
        significandsB[k * kColumns + j] = dy.significand;
        exponentsB[k * kColumns + j] = dy.exponent;
      }
    }
    float c[kColumns], d[kColumns];
    for (float &value : c)
      value = round % 5 ? std::ldexp(float(int32_t(random())), int(random() % 24) - 40) : 0;
    fusedDots(model, Element::F32, {significandsA.data(), exponentsA.data()},
              {significandsB.data(), exponentsB.data()}, count, c, d);
    for (unsigned j = 0; j < kColumns; ++j)
      ASSERT_EQ(d[j], alignedSum(a, b, c[j], *model.fractionBits)) << round << " column " << j;
  }
}

TEST(FloatModel, SpecialValues) {
  Mma mma = parse("mma.sync.m16n8k16.row.col.f32.f16.f16.f32");
  auto product = [&](uint32_t x, uint32_t y, float c) {
    WarpRegisters in(10), out(4);
    setA(mma, in, 0, 0, x);
    setB(mma, in, 0, 0, y);
    in[0][6] = floatToBits(c);
    evaluate(mma, floatModel(80, mma), in.in(), out.out());
    return out[0][0];
  };
  const uint32_t one = 0x3c00, infinity = 0x7c00, nan = 0x7e00;
  EXPECT_EQ(product(infinity, one, 1), floatToBits(INFINITY));
  EXPECT_EQ(product(infinity, one, -INFINITY), 0x7fffffffu);
  EXPECT_EQ(product(infinity, 0, 1), 0x7fffffffu);
  EXPECT_EQ(product(nan, one, 1), 0x7fffffffu);
  EXPECT_EQ(product(one, one, NAN), 0x7fffffffu);
}

/// 2^0 + 2^-24 + ...: one bit below the fraction is dropped before Hopper and kept from Hopper on.
TEST(FloatModel, ArchitecturesDiffer) {
  Mma mma = parse("mma.sync.m16n8k16.row.col.f32.f16.f16.f32");
  auto sum = [&](unsigned architecture) {
    WarpRegisters in(10), out(4);
    for (unsigned k = 0; k < 4; ++k) { // four times 2^-25
      setA(mma, in, 0, k, floatToHalf(0x1p-12f));
      setB(mma, in, k, 0, floatToHalf(0x1p-13f));
    }
    in[0][6] = floatToBits(1.0f);
    evaluate(mma, floatModel(architecture, mma), in.in(), out.out());
    return bitsToFloat(out[0][0]);
  };
  EXPECT_EQ(sum(80), 1.0f);
  EXPECT_EQ(sum(90), 1.0f + 0x1p-23f);
}

} // namespace
