// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// norm-gain: gains for the norm in front of the site, from the rounded weights in closed form
// (Solver/Regression.h). They become a scale map that no weight absorbs and that folds into the
// norm. Sites that no norm feeds stay as they are.

#include "Steps.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Regression.h"
#include <cmath>

using namespace qllm;

namespace {

// A gain far from 1 would be a fault of the fit; a scale of it must exist.
constexpr double smallestGain = 1e-3;

class NormGain : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    if (state.kind != SiteKind::AttentionInput && state.kind != SiteKind::FeedForwardInput)
      return llvm::Error::success();
    if (state.rounded.values.empty())
      return llvm::createStringError(
          "expected the weights of '%s' to be rounded before norm-gain, but they are not",
          state.name.c_str());
    if (!state.principal.empty())
      return llvm::createStringError(
          "expected no principal part at '%s' for norm-gain, but got one of rank %lld",
          state.name.c_str(), (long long)state.principal.values.rows());
    llvm::Expected<std::vector<double>> gains =
        normGains(state.pool, state.hessian(), state.target, state.rounded.values, ridge);
    if (!gains)
      return gains.takeError();
    ChannelMap map;
    map.kind = ChannelMap::Kind::Scale;
    for (double gain : *gains)
      map.values.push_back(gain >= smallestGain && std::isfinite(gain) ? float(1 / gain) : 1.0f);
    state.maps.push_back(std::move(map));
    state.mapsChanged();
    return llvm::Error::success();
  }

  double ridge = 0.01;
};

} // namespace

steps::MadeStep steps::makeNormGain(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<NormGain>();
  StepOptionReader reader("norm-gain", options);
  reader.number("ridge", step->ridge, 1e-9, 1e3);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
