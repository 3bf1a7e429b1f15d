// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps as a function from bytes to bytes.

#include "qllm/Site/SiteTask.h"

#include "../Solver/RandomMatrix.h"
#include "qllm/Site/Candidates.h"
#include "qllm/Support/TaskRunner.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"

using namespace qllm;

namespace {

constexpr int64_t tokens = 128, channels = 32, outputs = 24;

/// Two products that are rounded and one that is not.
SiteState makeSite(ThreadPool &pool) {
  SiteState state(pool);
  state.name = "site";
  state.kind = SiteKind::AttentionInput;
  state.input = activations(tokens, channels, 1);
  state.weight = randomMatrix(outputs, channels, 2);
  state.bias.assign(outputs, 0.25f);
  state.windows = {0, 64, tokens};
  state.sinks.assign(size_t(tokens), false);
  state.sinks[3] = true;
  state.products = {{"q", 0, 10, integerRows(3, false)},
                    {"k", 10, 6, integerRows(4, true, 8)},
                    {"v", 16, outputs - 16, std::nullopt}};
  state.inputFormat = integerRows(4, false);
  return state;
}

constexpr llvm::StringLiteral steps = "mean,search{clip=0.85:1:0.05},target{kind=local},"
                                      "round{method=gptq}";

std::string runHere(ThreadPool &pool) {
  SiteState state = makeSite(pool);
  auto measure = [](llvm::StringRef, llvm::function_ref<llvm::Error()> run) { return run(); };
  SiteOutcome outcome =
      llvm::cantFail(runSteps(state, llvm::cantFail(parseSteps(steps)), true, measure));
  return encodeResult(state, outcome);
}

TEST(SiteTask, BytesGiveWhatTheStateGives) {
  ThreadPool one(1), two(2);
  std::string here = runHere(one);
  std::string inputs = encodeInputs(makeSite(one)), task = encodeTask({steps.str(), true});
  EXPECT_EQ(llvm::cantFail(runTask(inputs, task, one)), here);
  EXPECT_EQ(llvm::cantFail(runTask(inputs, task, two)), here);
}

TEST(SiteTask, ResultsComeBack) {
  ThreadPool pool(1);
  std::string bytes = runHere(pool);
  SiteState state = makeSite(pool);
  state.input = MatrixF();
  SiteOutcome outcome;
  llvm::cantFail(decodeResult(bytes, state, outcome));
  EXPECT_EQ(state.rounded.codes.rows(), outputs);
  EXPECT_EQ(encodeResult(state, outcome), bytes);
  ASSERT_TRUE(outcome.output);
  EXPECT_EQ(int64_t(outcome.output->mean.size()), outputs);
}

TEST(SiteTask, ForeignBytesAreRefused) {
  ThreadPool pool(1);
  std::string inputs = encodeInputs(makeSite(pool)), task = encodeTask({steps.str()}),
              result = runHere(pool);
  // Any prefix; every one would take long.
  for (size_t size = 0; size < inputs.size(); size += 97) {
    auto ran = runTask(llvm::ArrayRef(inputs.data(), size), task, pool);
    ASSERT_FALSE(bool(ran));
    llvm::consumeError(ran.takeError());
  }
  for (size_t size = 0; size < task.size(); ++size) {
    auto ran = runTask(inputs, llvm::ArrayRef(task.data(), size), pool);
    ASSERT_FALSE(bool(ran));
    llvm::consumeError(ran.takeError());
  }
  for (size_t size = 0; size < result.size(); size += 53) {
    SiteState state = makeSite(pool);
    SiteOutcome outcome;
    EXPECT_TRUE(errorToBool(decodeResult(llvm::ArrayRef(result.data(), size), state, outcome)));
  }
}

/// Runs tasks in this process, in the opposite order.
struct LocalRunner : TaskRunner {
  explicit LocalRunner(ThreadPool &pool) : pool(pool) {}
  llvm::Expected<std::vector<std::string>> run(llvm::StringRef inputs,
                                               llvm::ArrayRef<std::string> tasks) override {
    std::vector<std::string> results(tasks.size());
    for (size_t i = tasks.size(); i-- > 0;) {
      llvm::Expected<std::string> result =
          runTask(llvm::ArrayRef(inputs.data(), inputs.size()), tasks[i], pool);
      if (!result)
        return result.takeError();
      results[i] = *result;
    }
    count += tasks.size();
    return results;
  }
  ThreadPool &pool;
  size_t count = 0;
};

TEST(SiteTask, CandidatesTriedElsewhereGiveTheSameBytes) {
  ThreadPool pool(1);
  auto measure = [](llvm::StringRef, llvm::function_ref<llvm::Error()> run) { return run(); };
  LocalRunner runner(pool);
  SiteState state = makeSite(pool);
  // Splitting is not for weights in groups: with it there are three candidates.
  state.products[1].format = integerRows(4, true);
  SiteState alone = state;
  std::vector<NamedStep> parsed = llvm::cantFail(parseSteps(steps));
  llvm::cantFail(tryCandidates(state, parsed, runner));
  EXPECT_EQ(runner.count, 3u);
  EXPECT_TRUE(state.decisions.transform);
  SiteOutcome outcome = llvm::cantFail(runSteps(state, parsed, true, measure));
  SiteOutcome expected = llvm::cantFail(runSteps(alone, parsed, true, measure));
  EXPECT_EQ(encodeResult(state, outcome), encodeResult(alone, expected));
  // Decided before: nothing is to be tried.
  llvm::cantFail(tryCandidates(state, parsed, runner));
  EXPECT_EQ(runner.count, 3u);
}

TEST(SiteTask, LayersRoundedElsewhereHaveTheSameBytes) {
  ThreadPool pool(2), one(1);
  auto measure = [](llvm::StringRef, llvm::function_ref<llvm::Error()> run) { return run(); };
  for (llvm::StringRef text :
       {"target{kind=local},round{method=gptq}", "round{method=gptq sweeps=2}",
        "range{method=output},round{method=gptq scale-ratios=0.9:1:0.05}",
        "range{method=mse},round{method=nearest}"}) {
    std::vector<NamedStep> parsed = llvm::cantFail(parseSteps(text));
    LocalRunner runner(one);
    SiteState alone = makeSite(pool), state = makeSite(pool);
    state.tasks = &runner;
    SiteOutcome expected = llvm::cantFail(runSteps(alone, parsed, true, measure));
    SiteOutcome outcome = llvm::cantFail(runSteps(state, parsed, true, measure));
    EXPECT_EQ(runner.count, 2u) << text.str(); // q and k; v stays float
    EXPECT_EQ(encodeResult(state, outcome), encodeResult(alone, expected)) << text.str();
  }
  // Sending a weight takes longer than this.
  LocalRunner runner(one);
  SiteState state = makeSite(pool);
  state.tasks = &runner;
  llvm::cantFail(
      runSteps(state, llvm::cantFail(parseSteps("round{method=nearest}")), false, measure));
  EXPECT_EQ(runner.count, 0u);
}

/// Hands on tasks, and what they tell cut short.
struct BrokenRunner : LocalRunner {
  using LocalRunner::LocalRunner;
  llvm::Expected<std::vector<std::string>> run(llvm::StringRef inputs,
                                               llvm::ArrayRef<std::string> tasks) override {
    // Neither inputs nor tasks may be cut short either.
    for (size_t size = 0; size < tasks[0].size(); size += 101)
      EXPECT_TRUE(
          errorToBool(runTask(inputs, llvm::ArrayRef(tasks[0].data(), size), pool).takeError()));
    for (size_t size = 0; size < inputs.size(); size += 101)
      EXPECT_TRUE(
          errorToBool(runTask(llvm::ArrayRef(inputs.data(), size), tasks[0], pool).takeError()));
    auto results = LocalRunner::run(inputs, tasks);
    if (results)
      results->back() = whole ? results->front() : results->back().substr(0, 100);
    return results;
  }
  bool whole = false;
};

TEST(SiteTask, ForeignResultsOfLayersAreRefused) {
  ThreadPool pool(1);
  auto measure = [](llvm::StringRef, llvm::function_ref<llvm::Error()> run) { return run(); };
  for (bool whole : {false, true}) {
    BrokenRunner runner(pool);
    runner.whole = whole;
    SiteState state = makeSite(pool);
    state.tasks = &runner;
    auto outcome =
        runSteps(state, llvm::cantFail(parseSteps("round{method=gptq}")), false, measure);
    ASSERT_FALSE(bool(outcome));
    EXPECT_NE(llvm::toString(outcome.takeError()).find("step 'round' at site 'site': expected"),
              std::string::npos);
  }
}

TEST(SiteTask, ErrorsNameTheStep) {
  ThreadPool pool(1);
  auto ran = runTask(encodeInputs(makeSite(pool)), encodeTask({"rotate{block=3}"}), pool);
  ASSERT_FALSE(bool(ran));
  EXPECT_NE(llvm::toString(ran.takeError()).find("step 'rotate' at site 'site'"),
            std::string::npos);
}

} // namespace
