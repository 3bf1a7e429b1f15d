// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "WarpRegisters.h"
#include "qllm/Emulator/Runtime/Ops/Convert.h"
#include "qllm/Emulator/Runtime/Ops/Evaluate.h"
#include "qllm/Format/HalfFloat.h"
#include "gtest/gtest.h"
#include <cmath>
#include <cstring>

using namespace qllm;
using namespace qllm::emu;

namespace {

constexpr uint32_t kWarp = ~0u, kWholeClamp = 31;

TEST(Collective, ParsesWhatItPrints) {
  EXPECT_TRUE(parseCollective("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32"));
  EXPECT_TRUE(parseCollective("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16"));
  EXPECT_TRUE(parseCollective("shfl.sync.bfly"));
  EXPECT_TRUE(parseCollective("bar.warp.sync"));
}

TEST(Collective, RefusesWhatNoMachineHas) {
  for (const char *name :
       {"mma.sync.aligned.m16n8k24.row.col.s32.s8.s8.s32",
        "mma.sync.aligned.m8n8k4.f32.f16.f16.f32",
        "mma.sync.aligned.m16n8k32.row.col.s32.s8.s4.s32",
        "mma.sync.aligned.m16n8k32.f32.s8.s8.f32",
        "mma.sync.aligned.m16n8k16.row.col.satfinite.f32.f16.f16.f32",
        "mma.sync.aligned.m16n8k16.f16.bf16.bf16.f16", "ldmatrix.sync.aligned.m8n8.x3.shared.b16",
        "shfl.sync.left", "redux.sync.mul", "", "mma", "bar.sync"})
    EXPECT_FALSE(parseCollective(name)) << name;
}

TEST(Shuffle, Sources) {
  struct Case {
    Shuffle::Kind kind;
    unsigned lane;
    uint32_t offset, clamp;
    unsigned source;
    bool valid;
  };
  const uint32_t segmentsOfEight = 24 << 8 | 31;
  const Case cases[] = {
      {Shuffle::Butterfly, 5, 1, kWholeClamp, 4, true},
      {Shuffle::Butterfly, 5, 16, kWholeClamp, 21, true},
      {Shuffle::Down, 30, 1, kWholeClamp, 31, true},
      {Shuffle::Down, 31, 1, kWholeClamp, 31, false},
      {Shuffle::Up, 1, 1, 0, 0, true},
      {Shuffle::Up, 0, 1, 0, 0, false},
      {Shuffle::Index, 7, 20, kWholeClamp, 20, true},
      {Shuffle::Down, 7, 1, segmentsOfEight, 7, false},
      {Shuffle::Index, 13, 2, segmentsOfEight, 10, true},
      {Shuffle::Up, 8, 1, 24 << 8, 8, false},
  };
  for (const Case &each : cases) {
    ShuffleSource source = shuffleSource({each.kind}, each.lane, each.offset, each.clamp);
    EXPECT_EQ(source.lane, each.source) << each.kind << " lane " << each.lane;
    EXPECT_EQ(source.valid, each.valid) << each.kind << " lane " << each.lane;
  }
}

TEST(Lanes, VotesAndReductions) {
  WarpRegisters in(1);
  for (unsigned lane = 0; lane < 32; ++lane)
    in[lane][0] = lane % 2;
  EXPECT_EQ(evaluate(Vote{Vote::Ballot}, kWarp, in.in()), 0xaaaaaaaau);
  EXPECT_EQ(evaluate(Vote{Vote::Ballot}, 0xf, in.in()), 0xau);
  EXPECT_EQ(evaluate(Vote{Vote::Any}, kWarp, in.in()), 1u);
  EXPECT_EQ(evaluate(Vote{Vote::All}, kWarp, in.in()), 0u);
  EXPECT_EQ(evaluate(Vote{Vote::All}, 0xaaaaaaaa, in.in()), 1u);
  EXPECT_EQ(evaluate(Vote{Vote::Uniform}, 0x55555555, in.in()), 1u);
  for (unsigned lane = 0; lane < 32; ++lane)
    in[lane][0] = uint32_t(int(lane) - 16);
  EXPECT_EQ(int32_t(evaluate(Reduce{Reduce::Add}, kWarp, in.in())), -16);
  EXPECT_EQ(int32_t(evaluate(Reduce{Reduce::Min}, kWarp, in.in())), -16);
  EXPECT_EQ(evaluate(Reduce{Reduce::UnsignedMax}, kWarp, in.in()), ~0u);
  EXPECT_EQ(evaluate(Reduce{Reduce::Or}, 0x30000, in.in()), 1u);
  EXPECT_EQ(matchLanes(kWarp, 3, 1, in.in()), 8u);
}

TEST(Lanes, FloatReductions) {
  WarpRegisters in(1);
  for (unsigned lane = 0; lane < 32; ++lane)
    in[lane][0] = floatToBits(float(lane) - 20.0f);
  EXPECT_EQ(bitsToFloat(evaluate(Reduce{Reduce::FloatMax}, kWarp, in.in())), 11.0f);
  EXPECT_EQ(bitsToFloat(evaluate(Reduce{Reduce::FloatMax, true}, kWarp, in.in())), 20.0f);
  in[4][0] = floatToBits(NAN);
  EXPECT_EQ(bitsToFloat(evaluate(Reduce{Reduce::FloatMin}, kWarp, in.in())), -20.0f);
  EXPECT_EQ(evaluate(Reduce{Reduce::FloatMin, false, true}, kWarp, in.in()), 0x7fffffffu);
}

TEST(MatrixCopy, LoadPutsPairsWhereMmaWantsThem) {
  uint16_t matrix[32][8];
  const uint8_t *rows[32];
  for (unsigned row = 0; row < 32; ++row) {
    for (unsigned column = 0; column < 8; ++column)
      matrix[row][column] = uint16_t(row * 8 + column);
    rows[row] = reinterpret_cast<const uint8_t *>(matrix[row]);
  }
  WarpRegisters out(4);
  loadMatrices({4, false, false}, rows, out.out());
  EXPECT_EQ(out[0][0], 0u | 1u << 16);
  EXPECT_EQ(out[5][0], 10u | 11u << 16); // row 1, elements 2 and 3
  EXPECT_EQ(out[5][3], 202u | 203u << 16);
  loadMatrices({4, true, false}, rows, out.out());
  EXPECT_EQ(out[5][0], 17u | 25u << 16); // rows 2 and 3, element 1
}

TEST(MatrixCopy, StoreIsTheInverseOfLoad) {
  for (bool transpose : {false, true}) {
    uint16_t matrix[16][8], back[16][8] = {};
    const uint8_t *from[16];
    uint8_t *to[16];
    for (unsigned row = 0; row < 16; ++row) {
      for (unsigned column = 0; column < 8; ++column)
        matrix[row][column] = uint16_t(row * 31 + column * 7);
      from[row] = reinterpret_cast<const uint8_t *>(matrix[row]);
      to[row] = reinterpret_cast<uint8_t *>(back[row]);
    }
    WarpRegisters registers(2);
    loadMatrices({2, transpose, false}, from, registers.out());
    storeMatrices({2, transpose, true}, registers.in(), to);
    EXPECT_EQ(memcmp(matrix, back, sizeof matrix), 0);
  }
}

/// Every code of every small format survives, and each decoded value lies where its neighbours say.
TEST(Convert, CodesRoundTrip) {
  for (auto format : {ElementFormat::e4m3, ElementFormat::e5m2, ElementFormat::e2m3,
                      ElementFormat::e3m2, ElementFormat::e2m1})
    for (unsigned code = 0; code < 1u << format().bits(); ++code) {
      float value = format().decode(uint8_t(code));
      if (std::isfinite(value))
        EXPECT_EQ(encodeSmall(format(), value), code);
    }
}

TEST(Convert, RoundsToNearestEvenAndSaturates) {
  auto convert = [](const ElementFormat &format, float value) {
    return format.decode(uint8_t(encodeSmall(format, value)));
  };
  EXPECT_EQ(convert(ElementFormat::e4m3(), 1000.0f), 448.0f);
  EXPECT_EQ(convert(ElementFormat::e5m2(), INFINITY), 57344.0f);
  EXPECT_EQ(convert(ElementFormat::e2m1(), -7.0f), -6.0f);
  EXPECT_EQ(convert(ElementFormat::e2m1(), 2.5f), 2.0f);
  EXPECT_EQ(convert(ElementFormat::e2m1(), 3.5f), 4.0f);
  EXPECT_EQ(convert(ElementFormat::e2m1(), 0.25f), 0.0f);
  EXPECT_TRUE(std::isnan(convert(ElementFormat::e4m3(), NAN)));
}

} // namespace
