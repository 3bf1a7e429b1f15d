// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Solver/Reassembly/JointPlan.h"
#include "Samples.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <set>

using namespace qllm;
using namespace qllm::test;

namespace {

JointPlan plan(int64_t extra, int64_t merges, bool offsets = true) {
  ThreadPool pool(2);
  MatrixF x = withOutliers(randomMatrix(96, 32, 1), 13, 20), w = randomMatrix(24, 32, 2);
  // Two channels that are nearly one: the cheapest merge of all.
  for (int64_t t = 0; t < x.rows(); ++t)
    x(t, 20) = x(t, 10) * 1.001f;
  JointPlanOptions options;
  options.extra = extra;
  options.merges = merges;
  options.offsets = offsets;
  return planJointly(pool, x, w, options);
}

TEST(JointPlan, CopiesBeyondTheFreeOnesArePaidForByMerges) {
  JointPlan joint = plan(4, 6);
  EXPECT_EQ(addedChannels(joint.parts), 4 + int64_t(joint.pairs.size()));
  ASSERT_FALSE(joint.pairs.empty());
  EXPECT_EQ(joint.pairs.front().source, 10);
  EXPECT_EQ(joint.pairs.front().target, 20);
  std::set<int64_t> used;
  for (const ChannelPair &pair : joint.pairs) {
    EXPECT_EQ(joint.parts[pair.source], 1);
    EXPECT_EQ(joint.parts[pair.target], 1);
    EXPECT_TRUE(used.insert(pair.source).second && used.insert(pair.target).second);
  }
}

TEST(JointPlan, MoreRoomIsNeverWorse) {
  double previous = plan(0, 0).objectiveBefore;
  for (int64_t extra : {0, 2, 8, 16}) {
    JointPlan joint = plan(extra, 0);
    EXPECT_LE(joint.objectiveAfter, previous);
    previous = joint.objectiveAfter;
  }
}

TEST(JointPlan, MergingStopsWhereItCostsMoreThanTheCopyGains) {
  JointPlan joint = plan(0, 16);
  EXPECT_LT(joint.pairs.size(), 16u);
  EXPECT_LT(joint.objectiveAfter, joint.objectiveBefore);
}

TEST(JointPlan, AlikeCopiesStopBeforeTheBudgetDoes) {
  // Their error grows with T, so at some point a further copy makes things worse.
  EXPECT_LT(addedChannels(plan(400, 0, /*offsets=*/false).parts), 400);
  EXPECT_EQ(addedChannels(plan(400, 0, /*offsets=*/true).parts), 400);
}

} // namespace
