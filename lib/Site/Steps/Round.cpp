// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// round: codes for the weights of the site, all linears of which share one Hessian.

#include "Steps.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"

using namespace qllm;

namespace {

class Round : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    state.rounding = options;
    return roundTarget(state);
  }

  RoundingOptions options;
};

} // namespace

steps::MadeStep steps::makeRound(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Round>();
  step->options.method = RoundingMethod::GPTQ;
  StepOptionReader reader("round", options);
  reader.choice<RoundingMethod>(
      "method", step->options.method,
      {{"nearest", RoundingMethod::Nearest}, {"gptq", RoundingMethod::GPTQ}});
  reader.number("damp", step->options.damp, 1e-9, 1e3);
  reader.boolean("act-order", step->options.actOrder);
  reader.integer("block", step->options.block, 1, 1 << 20);
  reader.integer("sweeps", step->options.sweeps, 0, 1000);
  reader.numbers("scale-ratios", step->options.scaleRatios, 0.01, 4);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
