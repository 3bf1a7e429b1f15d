// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// clip: the dynamic range of the input, times a ratio, before its scale is computed. One ratio for
// all sites, one for each kind, or the one of a grid with the least output error.

#include "Steps.h"
#include "qllm/Site/OutputError.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/SiteKinds.h"
#include "qllm/Site/StepOptions.h"
#include "llvm/Support/FormatVariadic.h"
#include <map>

using namespace qllm;

namespace {

class Clip : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    if (!state.inputFormat || (state.inputFormat->spec.statistic == ScaleStatistic::AbsMean))
      return llvm::Error::success();
    double chosen = ratio;
    if (auto found = ofKind.find(state.kind); found != ofKind.end())
      chosen = found->second;
    if (state.decisions.clip)
      chosen = *state.decisions.clip;
    else if (!candidates.empty())
      if (llvm::Error error = search(state, chosen))
        return error;
    state.clip = float(chosen);
    state.decisions.clip = chosen;
    state.inputQuantizerChanged();
    return llvm::Error::success();
  }

  double ratio = 1;
  std::map<SiteKind, double> ofKind;
  std::vector<float> candidates;
  bool byOutput = true;

private:
  llvm::Error search(SiteState &state, double &chosen) const {
    llvm::Expected<OutputError> output = OutputError::create(state);
    if (!output)
      return output.takeError();
    const MatrixF &x = output->values();
    double best = 0;
    for (size_t i = 0; i < candidates.size(); ++i) {
      MatrixF quantized = quantizeInput(state.pool, x, *state.inputFormat, state.parts,
                                        state.offsets, candidates[i]);
      double error = byOutput ? output->of(quantized) : relativeError(x, quantized);
      state.decisions.scores.push_back({llvm::formatv("clip {0}", candidates[i]).str(), error});
      if (i == 0 || error < best) {
        best = error;
        chosen = candidates[i];
      }
    }
    return llvm::Error::success();
  }
};

} // namespace

steps::MadeStep steps::makeClip(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Clip>();
  StepOptionReader reader("clip", options);
  bool fixed = reader.number("ratio", step->ratio, 0.01, 2);
  for (auto [name, kind] : siteKinds) {
    double value = 1;
    if (reader.number(name, value, 0.01, 2)) {
      step->ofKind[kind] = value;
      fixed = true;
    }
  }
  reader.choice<bool>("measure", step->byOutput, {{"output", true}, {"values", false}});
  bool searched = reader.numbers("search", step->candidates, 0.01, 2);
  if (searched == fixed)
    reader.fail(llvm::Twine("expected either ratios or 'search', but got ") +
                (fixed ? "both" : "neither"));
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
