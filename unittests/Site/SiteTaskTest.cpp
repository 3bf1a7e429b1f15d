// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Steps as a function from bytes to bytes.

#include "qllm/Site/SiteTask.h"

#include "../Solver/RandomMatrix.h"
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
  std::string task = encodeTask(makeSite(one), steps, true);
  EXPECT_EQ(llvm::cantFail(runTask(task, one)), here);
  EXPECT_EQ(llvm::cantFail(runTask(task, two)), here);
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
  std::string task = encodeTask(makeSite(pool), steps, false), result = runHere(pool);
  // Any prefix; every one would take long.
  for (size_t size = 0; size < task.size(); size += 97) {
    auto ran = runTask(llvm::ArrayRef(task.data(), size), pool);
    ASSERT_FALSE(bool(ran));
    llvm::consumeError(ran.takeError());
  }
  for (size_t size = 0; size < result.size(); size += 53) {
    SiteState state = makeSite(pool);
    SiteOutcome outcome;
    EXPECT_TRUE(errorToBool(decodeResult(llvm::ArrayRef(result.data(), size), state, outcome)));
  }
}

TEST(SiteTask, ErrorsNameTheStep) {
  ThreadPool pool(1);
  auto ran = runTask(encodeTask(makeSite(pool), "rotate{block=3}", false), pool);
  ASSERT_FALSE(bool(ran));
  EXPECT_NE(llvm::toString(ran.takeError()).find("step 'rotate' at site 'site'"),
            std::string::npos);
}

} // namespace
