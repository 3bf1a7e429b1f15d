// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Clusters of channels, and factors of scale migration.

#include "qllm/Solver/Clusters.h"
#include "qllm/Solver/Smoothing.h"
#include "gtest/gtest.h"
#include <cmath>
#include <random>
#include <set>

using namespace qllm;

namespace {

TEST(Clusters, GroupsThatLieApartAreFound) {
  // Channels of three kinds in turn: range about 2, about 20, and shifted by 50.
  std::mt19937 random(1);
  std::uniform_real_distribution<float> noise(-0.1f, 0.1f);
  std::vector<float> minimum, maximum;
  for (int j = 0; j < 60; ++j) {
    float low[] = {-1, -10, 49}, high[] = {1, 10, 51};
    minimum.push_back(low[j % 3] + noise(random));
    maximum.push_back(high[j % 3] + noise(random));
  }
  std::vector<int64_t> of = clusterChannels(minimum, maximum, 3, /*seed=*/0);
  for (int j = 0; j < 60; ++j)
    EXPECT_EQ(of[size_t(j)], of[size_t(j % 3)]) << j;
  EXPECT_EQ(std::set<int64_t>(of.begin(), of.end()).size(), 3u);
  EXPECT_EQ(of, clusterChannels(minimum, maximum, 3, /*seed=*/0));

  // Clusters by the range they need, channels of one in their own order.
  std::vector<int64_t> order = clusterOrder(minimum, maximum, of);
  EXPECT_EQ(order[59], 58);
  EXPECT_EQ(order[58], 55);
  std::set<int64_t> all(order.begin(), order.end());
  EXPECT_EQ(all.size(), 60u);
  for (int j = 1; j < 60; ++j)
    if (of[size_t(order[size_t(j)])] == of[size_t(order[size_t(j - 1)])])
      EXPECT_LT(order[size_t(j - 1)], order[size_t(j)]);
}

TEST(Clusters, DegenerateInputsAreServed) {
  EXPECT_EQ(clusterChannels({}, {}, 4, 0), std::vector<int64_t>{});
  std::vector<float> same(5, 1.0f);
  // All points are one: the lowest cluster has them all.
  EXPECT_EQ(clusterChannels(same, same, 3, 0), std::vector<int64_t>(5, 0));
  EXPECT_EQ(clusterChannels(same, same, 1, 0), std::vector<int64_t>(5, 0));
  std::vector<int64_t> of = clusterChannels({0, 1}, {1, 5}, 8, 0);
  EXPECT_NE(of[0], of[1]);
}

TEST(Smoothing, FactorsAreThoseOfThePaper) {
  MatrixF x(2, 3, std::vector<float>{1, -4, 0, -2, 3, 0});
  EXPECT_EQ(columnMaxima(x), (std::vector<float>{2, 4, 0}));
  std::vector<float> input{16, 4, 0}, weight{4, 1, 2};
  std::vector<float> half = smoothingFactors(input, weight, 0.5);
  EXPECT_FLOAT_EQ(half[0], 2);
  EXPECT_FLOAT_EQ(half[1], 2);
  EXPECT_FLOAT_EQ(half[2], std::sqrt(1e-5f / 2));
  EXPECT_FLOAT_EQ(smoothingFactors(input, weight, 1)[0], 16);
  EXPECT_FLOAT_EQ(smoothingFactors(input, weight, 0)[0], 0.25);
}

} // namespace
