// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the step search chooses on sites where the answer is known.

#include "../Solver/RandomMatrix.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteStep.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace qllm;

namespace {

constexpr int64_t tokens = 256, channels = 48, outputs = 24;

SiteState makeSite(ThreadPool &pool, MatrixF input) {
  SiteState state(pool);
  state.name = "site";
  state.input = std::move(input);
  state.weight = randomMatrix(outputs, channels, 2);
  state.bias.assign(outputs, 0.25f);
  state.windows = {0, tokens};
  state.products = {{"linear", 0, outputs, integerRows(4, false)}};
  state.inputFormat = integerRows(4, false);
  state.begin();
  return state;
}

void search(SiteState &state, std::vector<StepOption> options) {
  for (const StepInfo &info : allSteps()) {
    if (info.name != "search")
      continue;
    llvm::Expected<std::unique_ptr<SiteStep>> step = info.create(options);
    ASSERT_TRUE(bool(step)) << llvm::toString(step.takeError());
    llvm::Error error = (*step)->run(state);
    ASSERT_FALSE(bool(error)) << llvm::toString(std::move(error));
  }
}

double scoreOf(const SiteState &state, llvm::StringRef name) {
  for (const auto &[candidate, error] : state.decisions.scores)
    if (candidate == name)
      return error;
  ADD_FAILURE() << "no score of " << name.str();
  return 0;
}

const std::vector<StepOption> splitAndRotate = {{"budget", "0.1"}, {"clip", "0.7:1:0.1"}};

// One channel many times as large as all others, in every token: a few copies carry it.
TEST(Search, SplitsASingleLargeChannel) {
  ThreadPool pool(1);
  MatrixF x = randomMatrix(tokens, channels, 1);
  for (int64_t i = 0; i < tokens; ++i)
    x(i, 7) *= 6;
  SiteState state = makeSite(pool, std::move(x));
  search(state, splitAndRotate);
  EXPECT_EQ(state.decisions.transform, "split");
  EXPECT_LT(scoreOf(state, "split"), scoreOf(state, "none"));
  ASSERT_EQ(int64_t(state.parts.size()), channels);
  EXPECT_GT(state.parts[7], 1);
}

// A large value in another channel each time: nothing fixed helps but spreading.
TEST(Search, RotatesLargeValuesThatWander) {
  ThreadPool pool(1);
  MatrixF x = randomMatrix(tokens, channels, 1);
  for (int64_t i = 0; i < tokens; ++i)
    x(i, (i * 29) % channels) *= 40;
  SiteState state = makeSite(pool, std::move(x));
  search(state, splitAndRotate);
  EXPECT_EQ(state.decisions.transform, "rotate");
  EXPECT_LT(scoreOf(state, "rotate"), 0.5 * scoreOf(state, "split"));
  EXPECT_EQ(state.maps.back().kind, ChannelMap::Kind::Rotate);
}

// Values that are codes already: every transform can only lose.
TEST(Search, LeavesAloneWhatIsOnTheGrid) {
  ThreadPool pool(1);
  MatrixF x(tokens, channels);
  for (int64_t i = 0; i < tokens; ++i)
    for (int64_t j = 0; j < channels; ++j)
      x(i, j) = float((i * 7 + j * j + j) % 16);
  for (int64_t i = 0; i < tokens; ++i) {
    x(i, 0) = 0;
    x(i, 1) = 15;
  }
  SiteState state = makeSite(pool, std::move(x));
  search(state, splitAndRotate);
  EXPECT_EQ(state.decisions.transform, "none");
  EXPECT_TRUE(state.maps.empty());
  EXPECT_TRUE(state.parts.empty());
  EXPECT_EQ(state.decisions.clip, 1.0);
}

// Copies would move channels into other groups.
TEST(Search, DoesNotSplitGroups) {
  ThreadPool pool(1);
  for (bool weights : {false, true}) {
    SiteState state = makeSite(pool, activations(tokens, channels, 1));
    (weights ? *state.products[0].format : *state.inputFormat).groupSize = 16;
    search(state, splitAndRotate);
    EXPECT_EQ(state.decisions.scores.size(), 2u);
    EXPECT_NE(state.decisions.transform, "split");
  }
}

TEST(Search, TakesPlannedDecisionsWithoutTrying) {
  ThreadPool pool(1);
  SiteState first = makeSite(pool, activations(tokens, channels, 1));
  search(first, splitAndRotate);
  SiteState second = makeSite(pool, activations(tokens, channels, 1));
  second.decisions = first.decisions;
  second.decisions.scores.clear();
  search(second, splitAndRotate);
  EXPECT_EQ(second.decisions.scores.size(), 1u);
  EXPECT_EQ(second.decisions.transform, first.decisions.transform);
  EXPECT_EQ(second.clip, first.clip);
  EXPECT_EQ(second.parts, first.parts);
  EXPECT_EQ(second.output().values(), first.output().values());
}

// Off by their options, candidates are not there; a principal part is made from each one's
// channels.
TEST(Search, ObeysItsOptions) {
  ThreadPool pool(1);
  SiteState state = makeSite(pool, activations(tokens, channels, 1));
  search(state, {{"split", "false"}, {"rotate", "false"}, {"principal-rank", "3"}});
  EXPECT_EQ(state.decisions.transform, "none");
  EXPECT_EQ(state.decisions.scores.size(), 1u);
  EXPECT_EQ(state.principal.values.rows(), 3);
  EXPECT_EQ(state.clip, 1.0f);
}

} // namespace
