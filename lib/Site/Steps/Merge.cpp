// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// merge: after a split, as many pairs of other channels become one as copies were added, so that
// the layers keep their number of columns. Merging loses something (the split alone does not): use
// it where the width is fixed.
//
// Comes right behind the split: a merge is a map, and maps come first.

#include "Steps.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Reassembly/Assembly.h"
#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Support/ThreadPool.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace qllm;

namespace {

enum class Method {
  Published, ///< even to odd channels by the published score, mean of the members
  Exact,     ///< all pairs by the error in closed form, mean of the members
  Optimal,   ///< all pairs, merged along the direction that loses least
};

class Merge : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    int64_t merges = addedChannels(state.parts);
    if (merges == 0)
      return llvm::Error::success();
    if (!state.principal.empty())
      return llvm::createStringError("expected merge in front of principal, but got it behind");
    std::vector<int64_t> parts = state.parts;
    ChannelMap map = plan(state, merges);
    std::vector<int64_t> kept(map.width(int64_t(parts.size())), 1);
    for (size_t channel = 0; channel < parts.size(); ++channel)
      kept[map.indices[channel]] = std::max(kept[map.indices[channel]], parts[channel]);
    bool offsets = state.offsets;
    state.addMap(std::move(map));
    state.parts = std::move(kept);
    state.offsets = offsets;
    state.inputQuantizerChanged();
    return llvm::Error::success();
  }

  Method method = Method::Optimal;

private:
  ChannelMap plan(SiteState &state, int64_t merges) const {
    const MatrixF &x = state.mapped(), &weight = state.mappedWeight;
    int64_t channels = x.columns();
    MatrixD hessian, columns;
    std::vector<ChannelPair> pairs;
    if (method == Method::Published) {
      pairs = matchBipartite(bipartiteScores(state.pool, x, weight, PairScore::Published),
                             state.parts, merges);
    } else {
      hessian = gram(state.pool, x);
      columns = gram(state.pool, weight);
      pairs = matchDisjoint(method == Method::Exact ? meanMergeCosts(hessian, columns)
                                                    : optimalMergeCosts(hessian, columns),
                            state.parts, merges);
    }
    ChannelMap map;
    map.kind = ChannelMap::Kind::Merge;
    map.indices = mergeTargets(channels, pairs);
    map.weightValues.assign(channels, 1.0f);
    std::vector<float> members(channels, 0.0f);
    for (int64_t target : map.indices)
      ++members[target];
    for (int64_t target : map.indices)
      map.values.push_back(1 / members[target]);
    if (method == Method::Optimal)
      for (const ChannelPair &pair : pairs)
        turn(map, pair, x, hessian, columns);
    return map;
  }

  /// Gives a pair its best direction, as long as the larger of the two was: a direction is free up
  /// to a factor, and the quantizer behind looks at ranges.
  static void turn(ChannelMap &map, const ChannelPair &pair, const MatrixF &x,
                   const MatrixD &hessian, const MatrixD &columns) {
    int64_t i = pair.source, j = pair.target;
    double h[] = {hessian(i, i), hessian(i, j), hessian(j, j)};
    double k[] = {columns(i, i), columns(i, j), columns(j, j)};
    PairMerge merge = optimalPairMerge(h, k);
    double before = 0, after = 0;
    for (int64_t t = 0; t < x.rows(); ++t) {
      before = std::max({before, std::fabs(double(x(t, i))), std::fabs(double(x(t, j)))});
      after = std::max(after, std::fabs(merge.inputSource * x(t, i) + merge.inputTarget * x(t, j)));
    }
    double factor = before > 0 && after > 0 ? before / after : 1;
    map.values[i] = float(merge.inputSource * factor);
    map.values[j] = float(merge.inputTarget * factor);
    map.weightValues[i] = float(merge.weightSource / factor);
    map.weightValues[j] = float(merge.weightTarget / factor);
  }
};

} // namespace

steps::MadeStep steps::makeMerge(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Merge>();
  StepOptionReader reader("merge", options);
  reader.choice<Method>(
      "method", step->method,
      {{"published", Method::Published}, {"exact", Method::Exact}, {"optimal", Method::Optimal}});
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
