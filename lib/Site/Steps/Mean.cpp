// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// mean: x - mu in front of the quantizer and W mu in the bias, mu the mean of the calibration
// tokens without attention sinks. Exact; what is gained is range (docs/steps.md).

#include "Steps.h"
#include "qllm/Site/StepOptions.h"

using namespace qllm;

namespace {

class Mean : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    const MatrixF &x = state.mapped();
    std::vector<double> sums(size_t(x.columns()));
    int64_t count = 0;
    for (int64_t row = 0; row < x.rows(); ++row) {
      if (size_t(row) < state.sinks.size() && state.sinks[size_t(row)])
        continue;
      ++count;
      for (int64_t j = 0; j < x.columns(); ++j)
        sums[size_t(j)] += x(row, j);
    }
    if (count == 0)
      return llvm::Error::success();
    ChannelMap map;
    map.kind = ChannelMap::Kind::Shift;
    for (double sum : sums)
      map.values.push_back(float(sum / double(count)));
    state.addMap(std::move(map));
    return llvm::Error::success();
  }
};

} // namespace

steps::MadeStep steps::makeMean(llvm::ArrayRef<StepOption> options) {
  if (llvm::Error error = StepOptionReader("mean", options).finish())
    return std::move(error);
  return std::make_unique<Mean>();
}
