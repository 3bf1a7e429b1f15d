// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Solver/ChannelFit.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

TEST(ChannelFit, FindsGainAndBias) {
  MatrixF x(5, 2, {1, 100, 2, 101, 3, 99, 4, 100, 6, 102}), y(5, 2);
  for (int64_t t = 0; t < 5; ++t) {
    y(t, 0) = 2 * x(t, 0) - 3;
    y(t, 1) = -0.5f * x(t, 1) + 7;
  }
  ChannelFit fit = fitChannels(x, y, 0);
  EXPECT_NEAR(fit.gain[0], 2, 1e-6);
  EXPECT_NEAR(fit.bias[0], -3, 1e-5);
  EXPECT_NEAR(fit.gain[1], -0.5, 1e-5);
  EXPECT_NEAR(fit.bias[1], 7, 1e-3);
}

TEST(ChannelFit, ARidgeHoldsTheGainAtOne) {
  MatrixF x(4, 1, {1, 2, 3, 4}), y(4, 1, {2, 4, 6, 8});
  EXPECT_NEAR(fitChannels(x, y, 1).gain[0], 1.5, 1e-6);
  EXPECT_NEAR(fitChannels(x, y, 1e9).gain[0], 1, 1e-6);
}

TEST(ChannelFit, AConstantColumnGetsABiasOnly) {
  MatrixF x(3, 1, {5, 5, 5}), y(3, 1, {1, 2, 3});
  ChannelFit fit = fitChannels(x, y, 0);
  EXPECT_EQ(fit.gain[0], 1);
  EXPECT_NEAR(fit.bias[0], -3, 1e-6);
}

} // namespace
