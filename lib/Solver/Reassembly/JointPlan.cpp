// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The greedy loop over copies and the merges that pay for them.

#include "qllm/Solver/Reassembly/JointPlan.h"

#include "SoftRange.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/Gemm.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>
#include <numeric>

using namespace qllm;

namespace {

/// x^T x of the rows of `x` divided by their root mean square; products in f32.
MatrixD relativeGram(ThreadPool &pool, const MatrixF &x, bool relative) {
  MatrixF rows = x;
  for (int64_t t = 0; relative && t < rows.rows(); ++t) {
    float divisor = rootMeanSquare(rows.rowValues(t));
    for (float &value : rows.rowValues(t))
      value /= divisor;
  }
  int64_t channels = x.columns();
  MatrixF gram(channels, channels);
  matmul(pool, channels, channels, rows.rows(), 1.0f, {rows.data(), channels, true},
         {rows.data(), channels}, 0.0f, gram.data(), channels);
  MatrixD result(channels, channels);
  for (int64_t i = 0; i < channels; ++i)
    for (int64_t j = 0; j < channels; ++j)
      result(i, j) = gram(i, j);
  return result;
}

class JointSearch {
public:
  JointSearch(ThreadPool &pool, const MatrixF &x, const MatrixF &weight,
              const JointPlanOptions &options, const std::vector<bool> &excluded)
      : options(options), range(pool, x, options.range, excluded), energies(x.columns()),
        merged(x.columns(), false) {
    MatrixD gram = relativeGram(pool, weight, /*relative=*/false);
    for (int64_t j = 0; j < x.columns(); ++j)
      energies[j] = gram(j, j);
    double levels = std::ldexp(1.0, int(options.bits)) - 1;
    // The range was summed over a sample of the tokens.
    stepFactor = 4 / (levels * levels) / 12 * double(x.rows()) /
                 double(std::max<int64_t>(1, range.tokens()));
    weightEnergy = std::accumulate(energies.begin(), energies.end(), 0.0);
    if (options.merges > 0)
      offers = matchDisjoint(meanMergeCosts(relativeGram(pool, x, /*relative=*/true), gram), {},
                             x.columns() / 2);
  }

  JointPlan run() {
    JointPlan plan;
    plan.objectiveBefore = stepFactor * range.value() * weightEnergy;
    while (addOne()) {
    }
    plan.parts = range.parts().vec();
    plan.pairs = std::move(taken);
    plan.objectiveAfter = stepFactor * range.value() * weightEnergy;
    for (const ChannelPair &pair : plan.pairs)
      plan.objectiveAfter += pair.cost;
    return plan;
  }

private:
  /// What the weights' part of J gains when channel j gets one more copy.
  double energyGrowth(int64_t j) const {
    if (options.offsets)
      return 0;
    double count = double(range.parts()[j]);
    return ((count + 1) * (count + 1) - count * count) * energies[j];
  }

  bool addOne() {
    bool free = int64_t(added) < options.extra;
    if (!free && int64_t(taken.size()) >= options.merges)
      return false;
    const ChannelPair *offer = free ? nullptr : nextOffer();
    if (!free && !offer)
      return false;
    double value = range.value();
    std::vector<float> gains = range.gains();
    int64_t best = -1;
    double bestGain = offer ? offer->cost : 0;
    for (int64_t j = 0; j < int64_t(gains.size()); ++j) {
      bool inOffer = offer && (offer->source == j || offer->target == j);
      if (merged[j] || inOffer)
        continue;
      double gain = stepFactor *
                    (value * weightEnergy - (value - gains[j]) * (weightEnergy + energyGrowth(j)));
      if (gain > bestGain) {
        bestGain = gain;
        best = j;
      }
    }
    if (best < 0)
      return false;
    weightEnergy += energyGrowth(best);
    range.addCopy(best);
    if (!offer) {
      ++added;
      return true;
    }
    merged[offer->source] = merged[offer->target] = true;
    taken.push_back(*offer);
    ++next;
    return true;
  }

  /// The cheapest merge of channels that are neither split nor merged.
  const ChannelPair *nextOffer() {
    for (; next < offers.size(); ++next)
      if (range.parts()[offers[next].source] == 1 && range.parts()[offers[next].target] == 1)
        return &offers[next];
    return nullptr;
  }

  const JointPlanOptions &options;
  SoftRange range;
  std::vector<double> energies;
  std::vector<bool> merged;
  double stepFactor = 0, weightEnergy = 0;
  std::vector<ChannelPair> offers, taken;
  size_t next = 0, added = 0;
};

} // namespace

JointPlan qllm::planJointly(ThreadPool &pool, const MatrixF &x, const MatrixF &weight,
                            const JointPlanOptions &options, const std::vector<bool> &excluded) {
  return JointSearch(pool, x, weight, options, excluded).run();
}
