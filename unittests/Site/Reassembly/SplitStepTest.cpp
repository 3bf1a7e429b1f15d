// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Samples.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteStep.h"
#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <map>
#include <numeric>

using namespace qllm;
using namespace qllm::test;

namespace {

struct SplitSteps : ::testing::Test {
  ThreadPool pool{2};

  SiteState makeSite(int64_t channels = 64) {
    SiteState state(pool);
    state.name = "site";
    state.kind = SiteKind::FeedForwardInput;
    state.input = withOutliers(randomMatrix(200, channels, 1), 13, 30);
    state.weight = randomMatrix(24, channels, 2);
    state.bias.assign(24, 0.25f);
    state.products = {{"layer", 0, 24, integerRows(4, false)}};
    state.inputFormat = integerRows(4, false);
    state.windows = {0, 200};
    state.begin();
    return state;
  }

  void run(SiteState &state, llvm::StringRef text) {
    auto steps = parseSteps(text);
    ASSERT_TRUE(bool(steps)) << llvm::toString(steps.takeError());
    for (auto &step : *steps) {
      llvm::Error error = step.step->run(state);
      ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
    }
  }

  std::string errorOf(llvm::StringRef text) {
    auto steps = parseSteps(text);
    return steps ? "" : llvm::toString(steps.takeError());
  }

  /// Squared distance of the output from the float layer's.
  double outputError(SiteState &state) {
    MatrixD wanted = product(state.input, state.weight);
    MatrixF actual = state.output();
    double sum = 0;
    for (int64_t t = 0; t < actual.rows(); ++t)
      for (int64_t n = 0; n < actual.columns(); ++n)
        sum += std::pow(actual(t, n) - wanted(t, n) - 0.25, 2);
    return sum;
  }

  double errorAfter(llvm::StringRef text) {
    SiteState state = makeSite();
    run(state, text);
    return outputError(state);
  }
};

TEST_F(SplitSteps, OffsetsBeatIdenticalCopiesBeatNone) {
  double none = errorAfter("split{budget=0}");
  double identical = errorAfter("split{budget=0.2 offsets=false}");
  double offset = errorAfter("split{budget=0.2}");
  EXPECT_LT(identical, 0.5 * none);
  EXPECT_LT(offset, 0.8 * identical);
}

TEST_F(SplitSteps, WithoutQuantizersASplitChangesNothing) {
  SiteState state = makeSite();
  state.inputFormat.reset();
  run(state, "split{budget=0.2}");
  EXPECT_TRUE(state.parts.empty());
  EXPECT_LT(outputError(state), 1e-6);
}

TEST_F(SplitSteps, EveryCriterionUsesTheBudget) {
  for (const char *criterion : {"soft", "max", "nmax", "joint"}) {
    SiteState state = makeSite();
    run(state, (llvm::Twine("split{budget=0.25 criterion=") + criterion + "}").str());
    ASSERT_EQ(state.parts.size(), 64u) << criterion;
    EXPECT_GT(addedChannels(state.parts), 8) << criterion;
    EXPECT_LE(addedChannels(state.parts), 16) << criterion;
    EXPECT_TRUE(state.offsets);
    for (int64_t channel = 0; channel < 64; ++channel)
      if (state.parts[channel] > 1) {
        EXPECT_EQ((channel - 3) % 13, 0) << criterion << " " << channel;
      }
  }
}

TEST_F(SplitSteps, BudgetsOfKindsGoBeforeTheCommonOne) {
  SiteState state = makeSite();
  run(state, "split{budget=0.1 feed-forward-input=0.25}");
  EXPECT_EQ(addedChannels(state.parts), 16);
  state.kind = SiteKind::AttentionInput;
  state.decisions = SiteDecisions();
  run(state, "split{budget=0.1 feed-forward-input=0.25}");
  EXPECT_EQ(addedChannels(state.parts), 6);
}

TEST_F(SplitSteps, TheTileIsFilled) {
  SiteState state = makeSite();
  run(state, "split{budget=0.02 tile=32}");
  EXPECT_EQ(addedChannels(state.parts), 32);
}

TEST_F(SplitSteps, GroupsStayWhole) {
  SiteState state = makeSite();
  state.products[0].format->groupSize = 16;
  run(state, "split{budget=0.1}");
  EXPECT_TRUE(state.parts.empty());
  EXPECT_FALSE(state.decisions.parts.has_value());
}

TEST_F(SplitSteps, NothingIsKeptWhereASplitGainsNothing) {
  SiteState state = makeSite();
  run(state, "split{candidates=0:0.05:0.1:0.25}");
  EXPECT_EQ(addedChannels(state.parts), 16);
  EXPECT_EQ(state.decisions.scores.size(), 4u);
  // Identical copies of channels without outliers only add their errors up.
  SiteState plain = makeSite();
  plain.input = randomMatrix(200, 64, 3);
  for (int64_t t = 0; t < 200; ++t)
    for (int64_t j = 0; j < 64; ++j)
      plain.input(t, j) = plain.input(t, j) > 0 ? 1.0f : -1.0f;
  plain.begin();
  run(plain, "split{budget=0.1 none=true offsets=false}");
  EXPECT_TRUE(plain.parts.empty());
}

TEST_F(SplitSteps, PlannedPartsAreTaken) {
  SiteState state = makeSite();
  std::vector<int64_t> parts(64, 1);
  parts[5] = 4;
  state.decisions.parts = parts;
  state.decisions.offsets = false;
  run(state, "split{budget=0.25}");
  EXPECT_EQ(state.parts, parts);
  EXPECT_FALSE(state.offsets);

  SiteState wrong = makeSite();
  wrong.decisions.parts = std::vector<int64_t>(63, 1);
  auto steps = parseSteps("split");
  ASSERT_TRUE(bool(steps));
  EXPECT_EQ(llvm::toString((*steps)[0].step->run(wrong)),
            "expected planned parts of site 'site' for 64 channels, but got 63");
}

TEST_F(SplitSteps, MergingKeepsTheWidth) {
  for (const char *method : {"published", "exact", "optimal"}) {
    SiteState state = makeSite();
    run(state, (llvm::Twine("split{budget=0.2},merge{method=") + method + "}").str());
    EXPECT_EQ(std::accumulate(state.parts.begin(), state.parts.end(), int64_t(0)), 64) << method;
    EXPECT_EQ(state.target.columns(), int64_t(state.parts.size())) << method;
    EXPECT_EQ(state.mapped().columns(), int64_t(state.parts.size())) << method;
    EXPECT_TRUE(state.offsets) << method;
  }
}

/// The float output behind a merge is off by what the closed form says.
TEST_F(SplitSteps, MergingLosesWhatIsPredicted) {
  SiteState state = makeSite();
  run(state, "split{budget=0.2},merge{method=exact}");
  state.inputFormat.reset();
  state.inputQuantizerChanged();
  MatrixD hessian = gram(pool, state.input), columns = gram(pool, state.weight);
  std::map<int64_t, std::vector<int64_t>> members;
  for (int64_t j = 0; j < 64; ++j)
    members[state.maps[0].indices[j]].push_back(j);
  // Errors of different pairs are added as vectors, not as squares: measure pair by pair.
  for (auto &[target, channels] : members) {
    ASSERT_LE(channels.size(), 2u);
    if (channels.size() < 2)
      continue;
    int64_t i = channels[0], j = channels[1];
    double distance = hessian(i, i) + hessian(j, j) - 2 * hessian(i, j);
    double predicted = 0.25 * distance * (columns(i, i) + columns(j, j) - 2 * columns(i, j));
    double measured = 0;
    for (int64_t t = 0; t < 200; ++t)
      for (int64_t n = 0; n < 24; ++n) {
        double before = double(state.input(t, i)) * state.weight(n, i) +
                        double(state.input(t, j)) * state.weight(n, j);
        double after = double(state.mapped()(t, target)) * state.target(n, target);
        measured += (before - after) * (before - after);
      }
    EXPECT_NEAR(measured, predicted, 1e-4 * predicted);
  }
}

TEST_F(SplitSteps, BetterMergesLoseLess) {
  auto lossOf = [&](const char *method) {
    SiteState state = makeSite();
    // Correlated channels, as real activations have them.
    for (int64_t t = 0; t < 200; ++t)
      for (int64_t j = 0; j + 8 < 64; ++j)
        state.input(t, j) = 0.5f * state.input(t, j) + 0.5f * state.input(t, j + 8);
    state.begin();
    run(state, (llvm::Twine("split{budget=0.2},merge{method=") + method + "}").str());
    state.inputFormat.reset();
    state.inputQuantizerChanged();
    return outputError(state);
  };
  double published = lossOf("published"), exact = lossOf("exact"), optimal = lossOf("optimal");
  EXPECT_LT(exact, published);
  EXPECT_LT(optimal, exact);
}

TEST_F(SplitSteps, OptionsAreChecked) {
  EXPECT_EQ(errorOf("split{theta=3}"), "");
  EXPECT_NE(errorOf("split{criterion=theta}"), "");
  EXPECT_NE(errorOf("split{criterion=max theta=3}"), "");
  EXPECT_NE(errorOf("split{criterion=hard}"), "");
  EXPECT_NE(errorOf("split{budget=0.1 candidates=0:0.2}"), "");
  EXPECT_NE(errorOf("split{budget=-1}"), "");
  EXPECT_NE(errorOf("split{size=3}"), "");
  EXPECT_NE(errorOf("merge{method=mean}"), "");
}

} // namespace
