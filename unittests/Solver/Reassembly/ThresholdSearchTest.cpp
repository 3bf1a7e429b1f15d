// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Solver/Reassembly/ThresholdSearch.h"
#include "Samples.h"
#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"

using namespace qllm;
using namespace qllm::test;

namespace {

struct Case {
  MatrixF x, w;
  MatrixD target;
  std::vector<float> maxima;

  Case(float factor)
      : x(withOutliers(randomMatrix(48, 40, 1), 9, factor)), w(randomMatrix(32, 40, 2)),
        target(product(x, w)), maxima(channelMaxima(x)) {}

  ThresholdChoice search(ThresholdSearchOptions options = {}, bool rangePerRow = true,
                         unsigned threads = 2) {
    ThreadPool pool(threads);
    auto quantize = [](MatrixF &matrix) {
      fakeQuantize(matrix, 4);
      return llvm::Error::success();
    };
    auto loss = [&](MatrixF products) -> llvm::Expected<double> {
      double sum = 0;
      for (int64_t i = 0; i < target.size(); ++i)
        sum += std::pow(products.data()[i] - target.data()[i], 2);
      return sum / double(target.size());
    };
    ThresholdSearchProblem problem{x, maxima, w, quantize, quantize, rangePerRow, loss};
    return llvm::cantFail(searchThreshold(pool, problem, options));
  }
};

TEST(ThresholdSearch, OutliersAreSplitAndTheWidthIsKept) {
  Case sample(25);
  ThresholdChoice choice = sample.search();
  EXPECT_GT(choice.added, 0);
  EXPECT_LE(choice.added, 8);
  EXPECT_LT(choice.lossAfter, choice.lossBefore);
  EXPECT_EQ(int64_t(choice.pairs.size()), choice.added);
  EXPECT_EQ(choice.reassembly.width(), 40);
  EXPECT_EQ(choice.reassembly.parts, partsForThreshold(sample.maxima, choice.threshold));
  for (int64_t channel = 0; channel < 40; ++channel)
    if (choice.reassembly.parts[channel] > 1) {
      EXPECT_EQ((channel - 3) % 9, 0);
    }
}

TEST(ThresholdSearch, CopiesNotWrittenOutGiveTheSameLoss) {
  Case sample(25);
  ThresholdChoice implicit = sample.search(), literal = sample.search({}, /*rangePerRow=*/false);
  EXPECT_EQ(implicit.threshold, literal.threshold);
  EXPECT_NEAR(implicit.lossAfter, literal.lossAfter, 1e-4 * literal.lossAfter);
}

TEST(ThresholdSearch, ThreadsDoNotMatter) {
  Case sample(10);
  EXPECT_EQ(sample.search({}, true, 1).lossAfter, sample.search({}, true, 3).lossAfter);
}

TEST(ThresholdSearch, AChosenThresholdIsReproduced) {
  Case sample(25);
  ThresholdChoice choice = sample.search();
  ThreadPool pool(1);
  ThresholdChoice again = reassembleAtThreshold(pool, sample.x, sample.w, sample.maxima,
                                                choice.threshold, PairScore::Published);
  EXPECT_EQ(again.reassembly.parts, choice.reassembly.parts);
  EXPECT_EQ(again.reassembly.targets, choice.reassembly.targets);
}

TEST(ThresholdSearch, NothingIsACandidateOnlyWhenAsked) {
  // No outliers at all: splitting can only lose by the merges it forces.
  Case sample(1);
  EXPECT_GT(sample.search().added, 0);
  ThresholdSearchOptions options;
  options.considerNone = true;
  ThresholdChoice choice = sample.search(options);
  EXPECT_LE(choice.lossAfter, choice.lossBefore);
  if (choice.added == 0) {
    EXPECT_EQ(choice.reassembly.parts, std::vector<int64_t>(40, 1));
    EXPECT_TRUE(choice.reassembly.targets.empty());
  }
}

TEST(ThresholdSearch, ARatioOfZeroChangesNothing) {
  ThresholdSearchOptions options;
  options.ratio = 0;
  EXPECT_EQ(Case(25).search(options).added, 0);
}

} // namespace
