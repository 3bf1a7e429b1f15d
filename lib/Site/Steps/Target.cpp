// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// target: the weight that, given the rounded input, comes nearest to a wanted output:
// W1 = W + ((H + l I)^-1 x^^T (wanted - x^ W^T))^T, l = ridge times the mean of H's diagonal. What
// is rounded afterwards is W1. With fit=false it stays W, and only the steps behind (a branch, a
// refit) aim at the wanted output.

#include "Steps.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Regression.h"

using namespace qllm;

namespace {

class Target : public SiteStep {
public:
  bool needsReference() const override {
    return kind == TargetKind::Reference || kind == TargetKind::Residual;
  }

  llvm::Error run(SiteState &state) override {
    state.targetKind = kind;
    state.target = state.mappedWeight;
    bool nothing =
        !fit || kind == TargetKind::None || (kind == TargetKind::Local && !state.inputFormat);
    if (nothing || !hasEnergy(state.hessian()))
      return llvm::Error::success();
    llvm::Expected<RidgeRegression> regression =
        RidgeRegression::create(state.pool, state.hessian(), ridge);
    if (!regression)
      return regression.takeError();
    llvm::Expected<MatrixD> moment =
        momentOfError(state, kind, state.quantized(), toDouble(state.mappedWeight));
    if (!moment)
      return moment.takeError();
    MatrixD change = regression->solve(state.pool, std::move(*moment));
    for (int64_t i = 0; i < change.size(); ++i)
      state.target.data()[i] += float(change.data()[i]);
    return llvm::Error::success();
  }

  TargetKind kind = TargetKind::Local;
  bool fit = true;
  double ridge = 0.01;
};

} // namespace

steps::MadeStep steps::makeTarget(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Target>();
  StepOptionReader reader("target", options);
  reader.choice<TargetKind>("kind", step->kind,
                            {{"none", TargetKind::None},
                             {"local", TargetKind::Local},
                             {"reference", TargetKind::Reference},
                             {"residual", TargetKind::Residual}});
  reader.boolean("fit", step->fit);
  reader.number("ridge", step->ridge, 1e-9, 1e3);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
