// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Solver/Reassembly/Disassembly.h"
#include "Samples.h"
#include "qllm/Solver/Reassembly/ChannelReassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"

using namespace qllm;
using namespace qllm::test;

namespace {

TEST(Disassembly, SplitIsExact) {
  ThreadPool pool(2);
  MatrixF x = withOutliers(randomMatrix(16, 12, 1), 5, 30), w = randomMatrix(7, 12, 2);
  ChannelReassembly split{partsForThreshold(channelMaxima(x), 3.0), {}};
  EXPECT_GT(split.width(), 12);
  MatrixD before = product(x, w);
  MatrixD after = product(reassembleInput(pool, x, split), reassembleWeight(pool, w, split));
  for (int64_t i = 0; i < before.size(); ++i)
    EXPECT_NEAR(after.data()[i], before.data()[i], 1e-5);
}

TEST(Disassembly, PartsAreTheCeiling) {
  EXPECT_EQ(partsForThreshold({0, 1, 2, 2.5f, 7}, 2.0), (std::vector<int64_t>{1, 1, 1, 2, 4}));
  EXPECT_EQ(partsForThreshold({5, 1}, 0.0), (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(partsForThreshold({5, 1}, -1.0), (std::vector<int64_t>{1, 1}));
}

TEST(Disassembly, BisectionUsesTheBudget) {
  std::vector<float> maxima = {1, 2, 40, 3, 1, 10, 1, 1};
  for (int64_t extra = 0; extra < 30; ++extra) {
    std::vector<int64_t> parts = partsByMaximum(maxima, extra);
    EXPECT_LE(addedChannels(parts), extra);
    // Thresholds just above 40/k add k - 1 copies of one channel, so at most two are left over.
    EXPECT_GE(addedChannels(parts), extra - 2) << extra;
  }
  EXPECT_TRUE(partsByMaximum({}, 3).empty());
}

TEST(Disassembly, NormalizedMaximaIgnoreTheSizeOfATokenAndExcludedRows) {
  MatrixF x(2, 2, {3, 4, 600, 800});
  std::vector<float> normalized = normalizedMaxima(x);
  EXPECT_NEAR(normalized[0], 3 / std::sqrt(12.5), 1e-6);
  EXPECT_NEAR(normalized[1], 4 / std::sqrt(12.5), 1e-6);
  EXPECT_EQ(channelMaxima(x, {false, true}), (std::vector<float>{3, 4}));
}

/// One token is enormous in channel 0; all others have their outlier in channel 1.
MatrixF oneMassiveToken() {
  MatrixF x = randomMatrix(64, 16, 3);
  for (int64_t t = 0; t < x.rows(); ++t)
    x(t, 1) *= 12;
  x(0, 0) = 3000;
  return x;
}

TEST(Disassembly, SoftRangeLooksAtTheTypicalToken) {
  ThreadPool pool(2);
  MatrixF x = oneMassiveToken();
  std::vector<int64_t> soft = partsBySoftRange(pool, x, 8);
  EXPECT_EQ(addedChannels(soft), 8);
  EXPECT_GE(soft[1], 6);
  // The published rule gives everything to the one token.
  std::vector<int64_t> worst = partsByMaximum(channelMaxima(x), 8);
  EXPECT_EQ(worst[0], 9);
  EXPECT_EQ(worst[1], 1);
}

TEST(Disassembly, SoftRangeIsTheSameForAnyNumberOfThreads) {
  MatrixF x = withOutliers(randomMatrix(300, 48, 4), 7, 9);
  ThreadPool one(1), three(3);
  EXPECT_EQ(partsBySoftRange(one, x, 20), partsBySoftRange(three, x, 20));
}

TEST(Disassembly, SoftRangeTakesMoreCopiesThanChannels) {
  ThreadPool pool(1);
  MatrixF x = randomMatrix(8, 3, 5);
  EXPECT_EQ(addedChannels(partsBySoftRange(pool, x, 500)), 500);
  EXPECT_EQ(partsBySoftRange(pool, MatrixF(4, 2), 0), (std::vector<int64_t>{1, 1}));
}

TEST(Disassembly, BudgetsGrowToTheTile) {
  EXPECT_EQ(extraChannels(576, 0.1, 0), 57);
  EXPECT_EQ(extraChannels(576, 0.1, 64), 64);
  EXPECT_EQ(extraChannels(576, 0.0, 128), 64);
  EXPECT_EQ(extraChannels(640, 0.0, 128), 0);
}

/// Rounding error of the activation of outlier channels under offsets, alike copies and no copies.
TEST(Disassembly, OffsetsBeatAlikeCopiesBeatNone) {
  MatrixF x = withOutliers(randomMatrix(128, 32, 6), 11, 40), w = randomMatrix(24, 32, 7);
  std::vector<int64_t> parts = partsForThreshold(channelMaxima(x), 6.0);
  auto errorOf = [&](llvm::ArrayRef<int64_t> counts, bool offsets) {
    MatrixF rounded = x;
    for (int64_t t = 0; t < x.rows(); ++t) {
      float low = 0, high = 0;
      for (int64_t j = 0; j < x.columns(); ++j) {
        low = std::min(low, x(t, j) / float(counts[j]));
        high = std::max(high, x(t, j) / float(counts[j]));
      }
      float step = (high - low) / 15;
      for (int64_t j = 0; j < x.columns(); ++j) {
        // Literal copies.
        float sum = 0;
        for (int64_t copy = 0; copy < counts[j]; ++copy) {
          float offset = offsets ? float(2 * copy + 1 - counts[j]) / float(2 * counts[j]) : 0.0f;
          sum += step * std::nearbyint(x(t, j) / float(counts[j]) / step + offset);
        }
        rounded(t, j) = sum;
      }
    }
    return squaredDistance(product(rounded, w), product(x, w));
  };
  double none = errorOf(std::vector<int64_t>(32, 1), false);
  double alike = errorOf(parts, false), offset = errorOf(parts, true);
  EXPECT_LT(alike, none);
  EXPECT_LT(offset, alike / 2);
}

} // namespace
