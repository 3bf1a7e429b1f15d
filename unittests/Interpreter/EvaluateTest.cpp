// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Interpreter/Evaluate.h"
#include "gtest/gtest.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

TEST(Evaluate, WindowsAreEquallySpaced) {
  EXPECT_EQ(windowStarts(100, 4, 10), (llvm::SmallVector<int64_t>{0, 30, 60, 90}));
  EXPECT_EQ(windowStarts(10, 1, 10), (llvm::SmallVector<int64_t>{0}));
  EXPECT_TRUE(windowStarts(9, 1, 10).empty());
}

TEST(Evaluate, UniformLogitsGiveTheVocabularyAsPerplexity) {
  std::vector<float> logits(3 * 50, 7.0f);
  ThreadPool pool(2);
  Loss loss = crossEntropy(pool, logits.data(), 50, {1, 2, 49});
  EXPECT_EQ(loss.positions, 3);
  EXPECT_NEAR(loss.perplexity(), 50, 1e-4);
}

TEST(Evaluate, LossOfKnownLogits) {
  const float logits[] = {1, 2, 3};
  ThreadPool pool(1);
  Loss loss = crossEntropy(pool, logits, 3, {2});
  EXPECT_NEAR(loss.sum, std::log(std::exp(-2.0) + std::exp(-1.0) + 1), 1e-7);
}

} // namespace
