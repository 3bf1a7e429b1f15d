// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Solver/Reassembly/Assembly.h"
#include "Samples.h"
#include "qllm/Solver/Reassembly/ChannelReassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <set>

using namespace qllm;
using namespace qllm::test;

namespace {

/// What one merge of i and j by their mean changes, measured on the product.
double measuredMergeError(const MatrixF &x, const MatrixF &w, int64_t i, int64_t j) {
  ThreadPool pool(1);
  ChannelReassembly merge{std::vector<int64_t>(x.columns(), 1),
                          mergeTargets(x.columns(), {ChannelPair{i, j, 0}})};
  return squaredDistance(product(reassembleInput(pool, x, merge), reassembleWeight(pool, w, merge)),
                         product(x, w));
}

TEST(Assembly, MeanMergeCostIsTheMergeError) {
  MatrixF x = withOutliers(randomMatrix(40, 8, 1), 4, 10), w = randomMatrix(12, 8, 2);
  MatrixD costs = meanMergeCosts(gramOf(x), gramOf(w));
  for (int64_t i = 0; i < 8; ++i)
    for (int64_t j = i + 1; j < 8; ++j) {
      double measured = measuredMergeError(x, w, i, j);
      EXPECT_NEAR(costs(i, j), measured, 1e-5 * measured) << i << " " << j;
    }
}

TEST(Assembly, PaperScoreIsTheMergeError) {
  ThreadPool pool(2);
  MatrixF x = randomMatrix(40, 7, 3), w = randomMatrix(12, 7, 4);
  MatrixD scores = bipartiteScores(pool, x, w, PairScore::Paper);
  ASSERT_EQ(scores.rows(), 4);
  ASSERT_EQ(scores.columns(), 3);
  for (int64_t a = 0; a < 4; ++a)
    for (int64_t b = 0; b < 3; ++b) {
      double measured = measuredMergeError(x, w, 2 * a, 2 * b + 1);
      EXPECT_NEAR(scores(a, b), measured, 1e-5 * measured);
    }
}

TEST(Assembly, PublishedScoreAddsSignedSums) {
  ThreadPool pool(1);
  MatrixF x(2, 2, {1, 4, 2, -2}), w(2, 2, {1, 3, -5, 2});
  // ||x_0 - x_1||^2 = 9 + 16, sums of columns -4 and 5.
  EXPECT_DOUBLE_EQ(bipartiteScores(pool, x, w, PairScore::Published)(0, 0), 25.0);
}

TEST(Assembly, BipartiteTakesTheSmallestEdgesAndLeavesSplitChannels) {
  // Rows are channels 0, 2, 4; columns 1, 3.
  MatrixD scores(3, 2, {5, 1, 2, 3, 0.5, 4});
  std::vector<ChannelPair> pairs = matchBipartite(scores, {1, 1, 1, 1, 1}, 2);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].source, 4);
  EXPECT_EQ(pairs[0].target, 1);
  EXPECT_EQ(pairs[1].source, 0);
  EXPECT_EQ(pairs[1].target, 3);
  // Channel 1 is split: 4 takes its second choice; channel 0 is split: it is out.
  pairs = matchBipartite(scores, {2, 3, 1, 1, 1}, 5);
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].source, 2);
  EXPECT_EQ(pairs[0].target, 3);
  EXPECT_EQ(pairs[1].source, 4);
  EXPECT_EQ(pairs[1].target, 3);
}

TEST(Assembly, SeveralSourcesOfOneTargetAreAveraged) {
  ThreadPool pool(2);
  std::vector<int64_t> targets = mergeTargets(5, {{0, 3, 0}, {2, 3, 0}});
  EXPECT_EQ(targets, (std::vector<int64_t>{1, 0, 1, 1, 2}));
  MatrixF x(1, 5, {3, 7, 6, 9, 1});
  MatrixF merged = reassembleInput(pool, x, {{1, 1, 1, 1, 1}, targets});
  EXPECT_EQ(merged.values(), (llvm::ArrayRef<float>{7, 6, 1}));
  MatrixF columns = reassembleWeight(pool, x, {{1, 1, 1, 1, 1}, targets});
  EXPECT_EQ(columns.values(), (llvm::ArrayRef<float>{7, 18, 1}));
}

TEST(Assembly, DisjointMatchingTakesCheapestPairsOnce) {
  MatrixD hessian = gramOf(randomMatrix(64, 30, 5)), gram = gramOf(randomMatrix(20, 30, 6));
  MatrixD costs = meanMergeCosts(hessian, gram);
  std::vector<int64_t> parts(30, 1);
  parts[7] = 3;
  std::vector<ChannelPair> pairs = matchDisjoint(costs, parts, 100);
  // 29 channels may merge, so 14 pairs, which needs more than the first candidates.
  EXPECT_EQ(pairs.size(), 14u);
  std::set<int64_t> used;
  double previous = 0;
  for (const ChannelPair &pair : pairs) {
    EXPECT_TRUE(used.insert(pair.source).second);
    EXPECT_TRUE(used.insert(pair.target).second);
    EXPECT_GE(pair.cost, previous);
    EXPECT_DOUBLE_EQ(pair.cost, costs(pair.source, pair.target));
    previous = pair.cost;
  }
  EXPECT_EQ(used.count(7), 0u);
}

TEST(Assembly, OptimalMergeLosesTheSmallerEigenvalue) {
  MatrixF x = randomMatrix(50, 6, 8), w = randomMatrix(9, 6, 9);
  // Two correlated channels too.
  for (int64_t t = 0; t < x.rows(); ++t)
    x(t, 4) = 0.9f * x(t, 5) + 0.1f * x(t, 4);
  MatrixD hessian = gramOf(x), gram = gramOf(w);
  MatrixD optimal = optimalMergeCosts(hessian, gram), mean = meanMergeCosts(hessian, gram);
  for (int64_t i = 0; i < 6; ++i)
    for (int64_t j = i + 1; j < 6; ++j) {
      double h[] = {hessian(i, i), hessian(i, j), hessian(j, j)};
      double k[] = {gram(i, i), gram(i, j), gram(j, j)};
      PairMerge merge = optimalPairMerge(h, k);
      double measured = 0, whole = 0;
      for (int64_t t = 0; t < x.rows(); ++t)
        for (int64_t n = 0; n < w.rows(); ++n) {
          double before = double(x(t, i)) * w(n, i) + double(x(t, j)) * w(n, j);
          double after = (merge.inputSource * x(t, i) + merge.inputTarget * x(t, j)) *
                         (merge.weightSource * w(n, i) + merge.weightTarget * w(n, j));
          measured += (before - after) * (before - after);
          whole += before * before;
        }
      EXPECT_NEAR(optimal(i, j), measured, 1e-6 * whole) << i << " " << j;
      EXPECT_LE(optimal(i, j), mean(i, j) * (1 + 1e-9));
    }
}

TEST(Assembly, OptimalMergeOfEqualChannelsIsExact) {
  // H is singular: x_0 = x_1.
  double hessian[] = {2, 2, 2}, gram[] = {1, 0.25, 4};
  PairMerge merge = optimalPairMerge(hessian, gram);
  double factor = merge.inputSource + merge.inputTarget;
  EXPECT_NEAR(factor * merge.weightSource, 1, 1e-6);
  EXPECT_NEAR(factor * merge.weightTarget, 1, 1e-6);
}

TEST(Assembly, OptimalMergeOfSilentChannelsIsFinite) {
  double zero[] = {0, 0, 0};
  PairMerge merge = optimalPairMerge(zero, zero);
  EXPECT_EQ(merge.inputSource, 0.5);
  EXPECT_EQ(merge.weightTarget, 1);
}

} // namespace
