// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Balance.h"
#include "RandomMatrix.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace qllm;

namespace {

double energy(const MatrixF &matrix) {
  double sum = 0;
  for (float value : matrix.values())
    sum += double(value) * value;
  return sum;
}

/// |x'|^2 |W'|^2 behind a map: what roundings behind a rotation cost.
double cost(ThreadPool &pool, const ChannelMap &map, const MatrixF &x, MatrixF weight) {
  std::vector<float> bias(size_t(weight.rows()));
  absorbMap(pool, map, weight, bias);
  return energy(applyMap(pool, map, x)) * energy(weight);
}

TEST(Balance, ReachesTheBoundOfCauchyAndSchwarz) {
  ThreadPool pool(1);
  MatrixF x = activations(64, 24, 1), weight = randomMatrix(10, 24, 2);
  ChannelMap map = balanceMap(x, weight, {});
  double sum = 0;
  for (int64_t j = 0; j < x.columns(); ++j) {
    double input = 0, column = 0;
    for (int64_t i = 0; i < x.rows(); ++i)
      input += double(x(i, j)) * x(i, j);
    for (int64_t i = 0; i < weight.rows(); ++i)
      column += double(weight(i, j)) * weight(i, j);
    sum += std::sqrt(input * column);
  }
  EXPECT_NEAR(cost(pool, map, x, weight) / (sum * sum), 1, 1e-4);
  ChannelMap other = map;
  other.values[3] *= 1.5f;
  EXPECT_GT(cost(pool, other, x, weight), cost(pool, map, x, weight));
}

// With a share of 0 the columns of the weight become alike, whatever the input is.
TEST(Balance, ShareOfNothingEqualizesColumns) {
  ThreadPool pool(1);
  MatrixF x = activations(64, 12, 1), weight = randomMatrix(10, 12, 2);
  ChannelMap map = balanceMap(x, weight, {}, 0);
  std::vector<float> bias(10);
  absorbMap(pool, map, weight, bias);
  std::vector<double> columns(12);
  for (int64_t i = 0; i < 10; ++i)
    for (int64_t j = 0; j < 12; ++j)
      columns[size_t(j)] += double(weight(i, j)) * weight(i, j);
  for (double energy : columns)
    EXPECT_NEAR(energy / columns[0], 1, 1e-5);
}

TEST(Balance, LeavesOutSinksAndDeadChannels) {
  ThreadPool pool(1);
  MatrixF x = randomMatrix(8, 4, 1), weight = randomMatrix(5, 4, 2);
  std::vector<bool> sinks(8);
  sinks[2] = true;
  ChannelMap before = balanceMap(x, weight, sinks);
  for (int64_t j = 0; j < 4; ++j)
    x(2, j) = 1e4f * float(j + 1);
  EXPECT_EQ(balanceMap(x, weight, sinks).values, before.values);
  for (int64_t i = 0; i < 8; ++i)
    x(i, 1) = 0;
  ChannelMap dead = balanceMap(x, weight, {});
  EXPECT_EQ(dead.values[1], 1.0f);
  EXPECT_EQ(balanceMap(MatrixF(8, 4), weight, {}).values, std::vector<float>(4, 1.0f));
}

// Widths with Hadamard matrices of their own, and one (9 * 4) whose largest block is smaller.
TEST(Balance, RotationsAreExact) {
  ThreadPool pool(2);
  for (int64_t channels : {1, 2, 12, 36, 48, 70, 96}) {
    llvm::Expected<std::vector<ChannelMap>> maps = randomHadamard(channels, 3);
    ASSERT_TRUE(bool(maps)) << channels;
    MatrixF x = activations(6, channels, 4), weight = randomMatrix(5, channels, 5);
    MatrixF wanted = applyWeight(pool, x, weight);
    double before = energy(x);
    std::vector<float> bias(5);
    for (const ChannelMap &map : *maps) {
      absorbMap(pool, map, weight, bias);
      x = applyMap(pool, map, x);
    }
    EXPECT_NEAR(energy(x) / before, 1, 1e-5);
    MatrixF got = applyWeight(pool, x, weight);
    for (int64_t i = 0; i < got.size(); ++i)
      EXPECT_NEAR(got.data()[i], wanted.data()[i], 1e-4 * std::sqrt(before)) << channels;
  }
}

} // namespace
