// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// permute: channels with similar ranges beside each other, for formats whose groups run along
// channels (RPTQ, arXiv 2304.01089, section 3.2).

#include "Steps.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Clusters.h"
#include <algorithm>

using namespace qllm;

namespace {

class Permute : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    ChannelMap map;
    map.kind = ChannelMap::Kind::Permute;
    map.indices = state.decisions.order ? *state.decisions.order : decide(state);
    state.decisions.order = map.indices;
    state.addMap(std::move(map));
    return llvm::Error::success();
  }

  int64_t clusters = 32, restarts = 10;

private:
  std::vector<int64_t> decide(SiteState &state) const {
    const MatrixF &x = state.mapped();
    std::vector<float> low(size_t(x.columns()), 0.0f), high(low);
    for (int64_t row = 0; row < x.rows(); ++row)
      for (int64_t j = 0; j < x.columns(); ++j) {
        low[size_t(j)] = row ? std::min(low[size_t(j)], x(row, j)) : x(row, j);
        high[size_t(j)] = row ? std::max(high[size_t(j)], x(row, j)) : x(row, j);
      }
    return clusterOrder(low, high, clusterChannels(low, high, clusters, state.seed, restarts));
  }
};

} // namespace

steps::MadeStep steps::makePermute(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Permute>();
  StepOptionReader reader("permute", options);
  reader.integer("clusters", step->clusters, 1, int64_t(1) << 30);
  reader.integer("restarts", step->restarts, 1, 1000);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
