// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over thresholds and the loss of one of them.

#include "qllm/Solver/Reassembly/ThresholdSearch.h"

#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace qllm;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

namespace {

class Search {
public:
  Search(ThreadPool &pool, const ThresholdSearchProblem &problem,
         const ThresholdSearchOptions &options)
      : pool(pool), problem(problem), options(options) {}

  Expected<ThresholdChoice> run();

private:
  int64_t channels() const { return problem.input.columns(); }
  /// Loss when channels are merged as `parts` need it and then split.
  Expected<double> lossFor(const std::vector<int64_t> &parts);
  Expected<double> lossOf(MatrixF input, MatrixF weight, ArrayRef<int64_t> parts);

  ThreadPool &pool;
  const ThresholdSearchProblem &problem;
  const ThresholdSearchOptions &options;
  MatrixD scores;
};

/// Divides the columns of split channels by their parts, or multiplies them.
void scaleSplit(MatrixF &matrix, ArrayRef<int64_t> parts, bool divide) {
  for (size_t j = 0; j < parts.size(); ++j)
    if (parts[j] > 1)
      for (int64_t t = 0; t < matrix.rows(); ++t) {
        float &value = matrix(t, int64_t(j));
        value = divide ? value / float(parts[j]) : value * float(parts[j]);
      }
}

} // namespace

/// The loss of quantized inputs and weights, whose column j stands for `parts[j]` equal copies.
Expected<double> Search::lossOf(MatrixF input, MatrixF weight, ArrayRef<int64_t> parts) {
  bool expand = !problem.rangePerRow && addedChannels(parts) > 0;
  if (expand) {
    ChannelReassembly split{parts.vec(), {}};
    input = reassembleInput(pool, input, split);
    weight = reassembleWeight(pool, weight, split);
  } else {
    scaleSplit(input, parts, /*divide=*/true);
  }
  if (Error error = problem.quantizeInput(input))
    return std::move(error);
  if (Error error = problem.quantizeWeight(weight))
    return std::move(error);
  // All copies of a channel have the same code, so they add up to one column times their number.
  if (!expand)
    scaleSplit(input, parts, /*divide=*/false);
  MatrixF products(input.rows(), weight.rows());
  matmul(pool, products.rows(), products.columns(), input.columns(), 1.0f,
         {input.data(), input.columns()}, {weight.data(), weight.columns(), true}, 0.0f,
         products.data(), products.columns());
  return problem.loss(std::move(products));
}

Expected<double> Search::lossFor(const std::vector<int64_t> &parts) {
  std::vector<ChannelPair> pairs = matchBipartite(scores, parts, addedChannels(parts));
  ChannelReassembly merge{std::vector<int64_t>(channels(), 1), mergeTargets(channels(), pairs)};
  // Neither end of a pair is split, so the parts of what is left are those of the targets.
  std::vector<int64_t> left(merge.width(), 1);
  for (int64_t channel = 0; channel < channels(); ++channel)
    left[merge.targets[channel]] = std::max(left[merge.targets[channel]], parts[channel]);
  return lossOf(reassembleInput(pool, problem.input, merge), reassembleWeight(pool, problem.weight, merge),
                left);
}

Expected<ThresholdChoice> Search::run() {
  Expected<double> before =
      lossOf(problem.input, problem.weight, std::vector<int64_t>(channels(), 1));
  if (!before)
    return before.takeError();
  ThresholdChoice best;
  best.lossBefore = best.lossAfter = *before;
  if (channels() == 0)
    return best;
  scores = bipartiteScores(pool, problem.input, problem.weight, options.score);

  double highest = *llvm::max_element(problem.maxima), lowest = *llvm::min_element(problem.maxima);
  // A finite bound on the work even where one activation is enormous.
  int64_t steps = std::max<int64_t>(100, int64_t(std::min(highest / options.stepSize, 1e6)));
  double step = (highest - lowest) / double(steps);
  int64_t limit = int64_t(double(channels()) * options.ratio);
  double threshold = highest;
  int64_t previous = 0;
  best.threshold = highest;
  for (int64_t i = 0; i < steps && threshold >= lowest; ++i, threshold -= step) {
    std::vector<int64_t> parts = partsForThreshold(problem.maxima, threshold);
    int64_t added = addedChannels(parts);
    if (added > limit)
      break;
    if (added == previous)
      continue;
    previous = added;
    Expected<double> loss = lossFor(parts);
    if (!loss)
      return loss.takeError();
    // The first candidate is taken whatever it costs, unless doing nothing is one as well.
    bool first = best.candidates++ == 0 && !options.considerNone;
    if (first || *loss < best.lossAfter) {
      best.lossAfter = *loss;
      best.threshold = threshold;
      best.added = added;
    }
  }
  return best;
}

ThresholdChoice qllm::reassembleAtThreshold(ThreadPool &pool, const MatrixF &input,
                                            const MatrixF &weight, ArrayRef<float> maxima,
                                            double threshold, PairScore score) {
  ThresholdChoice choice;
  choice.threshold = threshold;
  choice.reassembly.parts = partsForThreshold(maxima, threshold);
  choice.added = addedChannels(choice.reassembly.parts);
  ChannelReassembly split{choice.reassembly.parts, {}};
  std::vector<int64_t> copyParts;
  for (int64_t part : split.parts)
    copyParts.insert(copyParts.end(), part, part);
  MatrixF splitInput = reassembleInput(pool, input, split);
  MatrixD scores = bipartiteScores(pool, splitInput, reassembleWeight(pool, weight, split), score);
  choice.pairs = matchBipartite(scores, copyParts, choice.added);
  choice.reassembly.targets = mergeTargets(int64_t(copyParts.size()), choice.pairs);
  return choice;
}

Expected<ThresholdChoice> qllm::searchThreshold(ThreadPool &pool,
                                                const ThresholdSearchProblem &problem,
                                                const ThresholdSearchOptions &options) {
  Expected<ThresholdChoice> found = Search(pool, problem, options).run();
  if (!found || found->added == 0) {
    if (found)
      found->reassembly.parts.assign(problem.input.columns(), 1);
    return found;
  }
  ThresholdChoice choice = reassembleAtThreshold(pool, problem.input, problem.weight,
                                                 problem.maxima, found->threshold, options.score);
  choice.lossBefore = found->lossBefore;
  choice.lossAfter = found->lossAfter;
  choice.candidates = found->candidates;
  return choice;
}
