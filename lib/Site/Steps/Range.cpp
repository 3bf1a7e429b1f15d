// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// range: how the ranges of weights are chosen when they are rounded, by whichever step rounds.

#include "Steps.h"
#include "qllm/Site/StepOptions.h"

using namespace qllm;

namespace {

class Range : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    state.range = options;
    return llvm::Error::success();
  }

  RangeOptions options;
};

} // namespace

steps::MadeStep steps::makeRange(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Range>();
  step->options.method = RangeMethod::MSE;
  StepOptionReader reader("range", options);
  reader.choice<RangeMethod>("method", step->options.method,
                             {{"minmax", RangeMethod::MinMax},
                              {"percentile", RangeMethod::Percentile},
                              {"mse", RangeMethod::MSE},
                              {"hessian", RangeMethod::Hessian},
                              {"output", RangeMethod::Output}});
  reader.number("percentile", step->options.percentile, 0.5, 1);
  reader.numbers("ratios", step->options.ratios, 0.01, 4);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
