// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// split: outlier channels become several copies of a share of themselves (QLLM, arXiv 2310.08041,
// section 4.1), with rounding offsets that make the copies add up to the rounding of the whole
// channel. The layers see more columns; nothing is merged (see the step merge). Sites with groups
// along the channels stay as they are.

#include "KindValues.h"
#include "Steps.h"
#include "qllm/Site/OutputError.h"
#include "qllm/Solver/Reassembly/Disassembly.h"
#include "qllm/Solver/Reassembly/JointPlan.h"
#include "qllm/Support/ThreadPool.h"
#include "llvm/ADT/STLExtras.h"

using namespace qllm;

namespace {

enum class Criterion { Soft, Maximum, NormalizedMaximum, Threshold, Joint };

class Split : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    if (!state.inputFormat || hasGroups(state))
      return llvm::Error::success();
    std::vector<int64_t> parts;
    if (llvm::Error error = decide(state, parts))
      return error;
    // Rounding offsets are a matter of integers.
    const ElementFormat *element = state.inputFormat->spec.element;
    state.offsets = state.decisions.offsets.value_or(offsets) && element && element->isInteger();
    state.decisions.parts = parts;
    state.decisions.offsets = state.offsets;
    state.parts = addedChannels(parts) > 0 ? std::move(parts) : std::vector<int64_t>();
    state.inputQuantizerChanged();
    return llvm::Error::success();
  }

  steps::KindValues budget;
  std::vector<float> candidates;
  bool considerNone = false;
  Criterion criterion = Criterion::Soft;
  bool offsets = true;
  int64_t tile = 0;
  double norm = 8;
  double threshold = 0;

private:
  llvm::Error decide(SiteState &state, std::vector<int64_t> &parts) const {
    const MatrixF &x = state.residual();
    if (state.decisions.parts) {
      parts = *state.decisions.parts;
      if (int64_t(parts.size()) == x.columns())
        return llvm::Error::success();
      return llvm::createStringError("expected planned parts of site '" + state.name + "' for " +
                                     llvm::Twine(x.columns()) + " channels, but got " +
                                     llvm::Twine(parts.size()));
    }
    if (candidates.empty() && !considerNone) {
      parts = partsFor(state, budget.of(state.kind));
      return llvm::Error::success();
    }
    return search(state, parts);
  }

  /// Repeated columns would push others out of their groups.
  static bool hasGroups(const SiteState &state) {
    return state.inputFormat->groupSize > 0 ||
           llvm::any_of(state.products, [](const SiteProduct &product) {
             return product.format && product.format->groupSize > 0;
           });
  }

  std::vector<int64_t> partsFor(SiteState &state, double share) const {
    const MatrixF &x = state.residual();
    int64_t extra = extraChannels(x.columns(), share, tile);
    SoftRangeOptions range;
    range.norm = norm;
    switch (criterion) {
    case Criterion::Soft:
      return partsBySoftRange(state.pool, x, extra, range);
    case Criterion::Maximum:
      return partsByMaximum(channelMaxima(x, state.sinks), extra);
    case Criterion::NormalizedMaximum:
      return partsByMaximum(normalizedMaxima(x, state.sinks), extra);
    case Criterion::Threshold:
      return partsForThreshold(channelMaxima(x, state.sinks), threshold);
    case Criterion::Joint:
      break;
    }
    JointPlanOptions joint;
    joint.extra = extra;
    joint.offsets = offsets;
    joint.range = range;
    const ElementFormat *element = state.inputFormat->spec.element;
    joint.bits = element ? element->bits() : 4;
    return planJointly(state.pool, x, state.mappedWeight, joint, state.sinks).parts;
  }

  /// The candidate under which the quantized input gives the least relative output error.
  llvm::Error search(SiteState &state, std::vector<int64_t> &best) const {
    llvm::Expected<OutputError> output = OutputError::create(state);
    if (!output)
      return output.takeError();
    const MatrixF &x = output->values();
    std::vector<double> shares(candidates.begin(), candidates.end());
    if (shares.empty())
      shares.push_back(budget.of(state.kind));
    if (considerNone && !llvm::is_contained(shares, 0.0))
      shares.insert(shares.begin(), 0.0);
    double least = 0;
    for (double share : shares) {
      std::vector<int64_t> parts =
          share > 0 ? partsFor(state, share) : std::vector<int64_t>(x.columns(), 1);
      double error =
          output->of(quantizeInput(state.pool, x, *state.inputFormat, parts, offsets, state.clip));
      state.decisions.scores.push_back({llvm::formatv("split {0}", share).str(), error});
      if (best.empty() || error < least) {
        least = error;
        best = std::move(parts);
      }
    }
    return llvm::Error::success();
  }
};

} // namespace

steps::MadeStep steps::makeSplit(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Split>();
  step->budget.value = 0.1;
  StepOptionReader reader("split", options);
  bool budgets = step->budget.read(reader, "budget", 0, 16);
  if (reader.numbers("candidates", step->candidates, 0, 16) && budgets)
    reader.fail("expected either budgets or 'candidates', but got both");
  reader.boolean("none", step->considerNone);
  bool named = reader.choice<Criterion>("criterion", step->criterion,
                                        {{"soft", Criterion::Soft},
                                         {"max", Criterion::Maximum},
                                         {"nmax", Criterion::NormalizedMaximum},
                                         {"theta", Criterion::Threshold},
                                         {"joint", Criterion::Joint}});
  bool hasThreshold = reader.number("theta", step->threshold, 1e-6, 1e30);
  if (hasThreshold && !named)
    step->criterion = Criterion::Threshold;
  if (hasThreshold != (step->criterion == Criterion::Threshold))
    reader.fail("expected 'theta', a threshold, exactly with criterion=theta");
  reader.boolean("offsets", step->offsets);
  reader.integer("tile", step->tile, 0, 4096);
  reader.number("norm", step->norm, 2, 32);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
