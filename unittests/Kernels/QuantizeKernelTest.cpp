// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How rows are spread over threads, and which rows are refused.

#include "qllm/Kernels/QuantizeKernel.h"

#include <gtest/gtest.h>

using namespace qllm;
using namespace qllm::kernels;

namespace {

QuantizeKernel makeKernel(std::int64_t columns) {
  QuantizeKernel kernel;
  kernel.codes = {8, true};
  kernel.columns = kernel.innerColumns = kernel.resultColumns = kernel.groupLength = columns;
  return kernel;
}

std::string messageOf(const QuantizeKernel &kernel) { return kernel.verify().message(); }

// Widths of models: threads have at most two pieces while there are warps for that, few of them
// have nothing to do, and those of the longest rows are few.
TEST(QuantizeKernel, SpreadsRows) {
  struct {
    std::int64_t columns, warps;
  } cases[] = {{8, 1},      {576, 1},   {768, 1},   {776, 2},    {1536, 3},
               {4096, 8},   {8192, 16}, {8200, 11}, {11008, 15}, {14336, 14},
               {20480, 16}, {20488, 8}, {28672, 8}, {32768, 8}};
  for (auto [columns, warps] : cases)
    EXPECT_EQ(makeKernel(columns).warpsOfRow(), warps) << columns;
}

// The invariants that the emitter relies on, for every row that is accepted.
TEST(QuantizeKernel, HoldsEveryRow) {
  for (std::int64_t columns = 8; columns <= 32768; columns += 8) {
    QuantizeKernel kernel = makeKernel(columns);
    ASSERT_TRUE(kernel.verify()) << columns;
    std::int64_t pieces = columns / 8, threads = kernel.threadsOfRow();
    // A thread has at most half of the 255 registers for elements, or 40 of 128.
    ASSERT_LE(pieces, threads * (kernel.isLong() ? 16 : 5)) << columns;
    ASSERT_LE(kernel.threads(), 512) << columns;
    // Warps beyond the last piece would only wait.
    ASSERT_GT(pieces, threads - 32) << columns;
  }
}

// Kernels with these spilled registers.
TEST(QuantizeKernel, LongRowsLeaveNoRegisters) {
  QuantizeKernel kernel = makeKernel(28672);
  kernel.hasRowBeside = true;
  EXPECT_TRUE(kernel.verify());
  kernel.hasNorm = true;
  EXPECT_EQ(kernel.verify().message(),
            "expected rows of at most 20480 elements beside a residual or norm, as threads have "
            "registers for, but got 28672");
  kernel = makeKernel(32768);
  EXPECT_TRUE(kernel.verify());
  kernel.hasRowBeside = true;
  EXPECT_EQ(kernel.verify().message(),
            "expected rows of at most 28672 elements beside a gate, principal part "
            "or rounding offsets, as threads have registers for, but got 32768");
}

TEST(QuantizeKernel, TakesSharedMemoryForWhatMeetsThere) {
  QuantizeKernel kernel = makeKernel(576);
  EXPECT_EQ(kernel.rowsOfBlock(), 4);
  EXPECT_EQ(kernel.sharedBytes(), 0);
  kernel.hadamard = 64;
  EXPECT_EQ(kernel.sharedBytes(), 0);
  kernel.gathers = true;
  kernel.innerColumns = kernel.resultColumns = 640;
  EXPECT_EQ(kernel.sharedBytes(), 4 * (576 + 8) * 4);

  QuantizeKernel wide = makeKernel(32768);
  EXPECT_EQ(wide.sharedBytes(), QuantizeKernel::reductions * 32);
  EXPECT_TRUE(wide.verifyOn(*findTarget("sm_86")));
  wide.hadamard = 4096;
  EXPECT_TRUE(wide.verifyOn(*findTarget("sm_80")));
  EXPECT_EQ(
      wide.verifyOn(*findTarget("sm_86")).message(),
      "expected rows that take at most 101376 bytes of shared memory on sm_86, but got 131232");
}

// Short rows have a warp each; of long ones as many are in a block as leave room for another, or
// four.
TEST(QuantizeKernel, HoldsRowsWithAPrincipalPart) {
  struct {
    std::int64_t columns, rank, warps, rowsOnSm86, rowsOnSm90;
  } cases[] = {{576, 32, 8, 8, 8},    {1536, 64, 3, 7, 8},   {4096, 32, 8, 4, 6},
               {4096, 1024, 8, 1, 4}, {11008, 32, 15, 1, 4}, {20480, 32, 16, 1, 2},
               {28672, 32, 8, 0, 1}};
  for (auto [columns, rank, warps, rowsOnSm86, rowsOnSm90] : cases) {
    QuantizeKernel kernel = makeKernel(columns);
    kernel.rank = rank;
    EXPECT_TRUE(kernel.verify()) << columns;
    EXPECT_EQ(kernel.warps(), warps) << columns;
    EXPECT_EQ(kernel.rowOffset() % 16, 0) << columns;
    EXPECT_EQ(kernel.rowBytes() % 128, 16) << "eight rows meet in no bank";
    EXPECT_GE(kernel.rowBytes(), 4 * columns);
    for (auto [name, rows] : {std::pair("sm_86", rowsOnSm86), {"sm_90a", rowsOnSm90}}) {
      kernel.targetShared = findTarget(name)->sharedBytes();
      EXPECT_EQ(bool(kernel.verifyOn(*findTarget(name))), rows != 0) << columns << name;
      EXPECT_EQ(kernel.rowsOfBlock(), std::max<std::int64_t>(rows, 1)) << columns << name;
    }
  }
  QuantizeKernel kernel = makeKernel(4096);
  kernel.rank = 1056;
  EXPECT_EQ(messageOf(kernel),
            "expected a principal part of a multiple of 32 rows, at most 1024, but got 1056");
}

TEST(QuantizeKernel, RefusesWhatItCannotHold) {
  EXPECT_EQ(messageOf(makeKernel(60)),
            "expected rows of a multiple of 8 elements, at most 32768, but got 60");
  EXPECT_EQ(messageOf(makeKernel(32776)),
            "expected rows of a multiple of 8 elements, at most 32768, but got 32776");
  QuantizeKernel kernel = makeKernel(576);
  kernel.codes.bits = 2;
  EXPECT_EQ(messageOf(kernel), "expected codes of 3 to 8 bits, but got 2");
  kernel = makeKernel(576);
  kernel.groupLength = 288;
  EXPECT_EQ(messageOf(kernel),
            "expected groups of 8, 16, .. or 256 elements that divide rows of 576, but got 288");
  kernel.groupLength = 64;
  EXPECT_EQ(messageOf(kernel), "");
  kernel.hadamard = 128;
  EXPECT_EQ(messageOf(kernel), "expected a Hadamard matrix of 1, 2, 4, .. or 16384 rows that "
                               "divide rows of 576, but got 128");
}

} // namespace
