// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// search: leaves the channels of a site alone, splits them, or rotates them, whichever loses the
// least output on a sample of the calibration tokens; each candidate with its best clip. "Nothing"
// is always a candidate. A principal part is made for each candidate from its own channels.

#include "Steps.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/OutputError.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Balance.h"

using namespace qllm;

namespace {

struct Candidate {
  std::string transform; // "none", "split", "rotate"
  double clip = 1;
  double error = 0;
};

class Search : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    // Plans may be edited by hand.
    constexpr llvm::StringLiteral known[] = {"none", "split", "rotate"};
    if (state.decisions.transform && !llvm::is_contained(known, *state.decisions.transform))
      return llvm::createStringError("expected none, split or rotate as transform of site '" +
                                     state.name + "', but got '" + *state.decisions.transform +
                                     "'");
    std::optional<Candidate> best = decidedIn(state.decisions);
    std::vector<std::string> tried = best ? std::vector<std::string>() : candidates(state);
    for (const std::string &transform : tried) {
      SiteState trial = state;
      if (llvm::Error error = apply(trial, transform))
        return error;
      llvm::Expected<Candidate> candidate = score(trial, transform);
      if (!candidate)
        return candidate.takeError();
      state.decisions.scores.push_back({transform, candidate->error});
      if (!best || candidate->error < best->error)
        best = *candidate;
    }
    if (llvm::Error error = apply(state, best->transform))
      return error;
    state.decisions.transform = best->transform;
    state.decisions.clip = best->clip;
    state.clip = float(best->clip);
    state.inputQuantizerChanged();
    return llvm::Error::success();
  }

  std::vector<std::string> candidates(const SiteState &state) const override {
    if (state.decisions.transform)
      return {*state.decisions.transform};
    std::vector<std::string> names = {"none"};
    if (split && canSplit(state))
      names.push_back("split");
    if (rotate)
      names.push_back("rotate");
    return names;
  }

  bool split = true, rotate = true, balance = true;
  double balanceShare = 0.5;
  std::vector<float> clips = {1};
  /// What nearest rounding of the weight loses counts so much: GPTQ and a fitted target get most of
  /// it back.
  double weightShare = 0.3;
  /// Parts of candidates; without a principal part the second is null.
  std::unique_ptr<SiteStep> splitStep, principalStep;

private:
  /// Nothing is left to be tried where everything was found before, its score included.
  static std::optional<Candidate> decidedIn(const SiteDecisions &decisions) {
    if (decisions.transform && decisions.clip)
      for (const auto &[name, error] : decisions.scores)
        if (name == *decisions.transform)
          return Candidate{name, *decisions.clip, error};
    return std::nullopt;
  }

  /// Offsets are for integers, and copies of a channel would move others into the next group.
  static bool canSplit(const SiteState &state) {
    if (!state.inputFormat || !state.inputFormat->spec.element->isInteger())
      return false;
    return state.inputFormat->groupSize == 0 &&
           llvm::none_of(state.products, [](const SiteProduct &product) {
             return product.format && product.format->groupSize > 0;
           });
  }

  llvm::Error apply(SiteState &state, llvm::StringRef transform) const {
    if (transform == "rotate") {
      llvm::Expected<std::vector<ChannelMap>> maps =
          randomHadamard(state.mappedWeight.columns(), state.seed);
      if (!maps)
        return maps.takeError();
      if (balance) { // one multiplication for scales and signs
        ChannelMap scales =
            balanceMap(state.mapped(), state.mappedWeight, state.sinks, balanceShare);
        for (auto [sign, scale] : llvm::zip_equal(maps->front().values, scales.values))
          sign *= scale;
      }
      for (ChannelMap &map : *maps)
        state.addMap(std::move(map));
    }
    if (principalStep)
      if (llvm::Error error = principalStep->run(state))
        return error;
    return transform == "split" ? splitStep->run(state) : llvm::Error::success();
  }

  /// The candidate's best clip, and its error with the weight rounded to nearest.
  llvm::Expected<Candidate> score(SiteState &state, llvm::StringRef transform) const {
    llvm::Expected<OutputError> output = OutputError::create(state);
    if (!output)
      return output.takeError();
    Candidate best = {transform.str(), 1, 0};
    if (state.decisions.clip || !state.inputFormat || clips.empty()) {
      best.clip = state.decisions.clip.value_or(1);
      if (state.inputFormat)
        best.error = inputError(state, *output, best.clip);
    } else {
      for (size_t i = 0; i < clips.size(); ++i) {
        double error = inputError(state, *output, clips[i]);
        if (i == 0 || error < best.error) {
          best.error = error;
          best.clip = clips[i];
        }
      }
    }
    llvm::Expected<double> lost = weightError(state, everyRow(output->values(), 2));
    if (!lost)
      return lost.takeError();
    best.error += weightShare * *lost;
    return best;
  }

  static double inputError(SiteState &state, const OutputError &output, double clip) {
    return output.of(quantizeInput(state.pool, output.values(), *state.inputFormat, state.parts,
                                   state.offsets, float(clip)));
  }

  /// Mean over tokens of |(W^ - W) x|^2 / |W x|^2, W^ the weight rounded to nearest.
  llvm::Expected<double> weightError(SiteState &state, const MatrixF &x) const {
    if (weightShare == 0)
      return 0.0;
    SiteState trial = state;
    trial.rounding.method = RoundingMethod::Nearest;
    trial.range = RangeOptions();
    trial.range.method = RangeMethod::MSE;
    if (llvm::Error error = roundTarget(trial))
      return std::move(error);
    MatrixF difference = trial.rounded.values;
    for (int64_t i = 0; i < difference.size(); ++i)
      difference.data()[i] -= state.mappedWeight.data()[i];
    MatrixF wanted = applyWeight(state.pool, x, state.mappedWeight),
            lost = applyWeight(state.pool, x, difference);
    double sum = 0;
    for (int64_t row = 0; row < x.rows(); ++row) {
      double energy = 0, error = 0;
      for (int64_t j = 0; j < wanted.columns(); ++j) {
        energy += double(wanted(row, j)) * wanted(row, j);
        error += double(lost(row, j)) * lost(row, j);
      }
      sum += error / std::max(energy, 1e-6);
    }
    return x.rows() > 0 ? sum / double(x.rows()) : 0;
  }
};

// Options of the steps that are part of candidates, which check and use them.
constexpr llvm::StringLiteral splitOptions[] = {
    "budget", "attention-input", "attention-output", "feed-forward-input", "feed-forward-output",
    "other"};
constexpr std::pair<llvm::StringLiteral, llvm::StringLiteral> principalOptions[] = {
    {"principal-rank", "rank"}, {"principal-budget", "budget"}, {"factor-bits", "factor-bits"}};

} // namespace

steps::MadeStep steps::makeSearch(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Search>();
  std::vector<StepOption> own, forSplit, forPrincipal;
  for (const StepOption &option : options) {
    const auto *principal = llvm::find_if(
        principalOptions, [&](const auto &names) { return names.first == option.name; });
    if (principal != std::end(principalOptions))
      forPrincipal.push_back({principal->second, option.value});
    else if (llvm::is_contained(splitOptions, option.name))
      forSplit.push_back(option);
    else
      own.push_back(option);
  }
  StepOptionReader reader("search", own);
  reader.boolean("split", step->split);
  reader.boolean("rotate", step->rotate);
  reader.boolean("balance", step->balance);
  reader.number("balance-share", step->balanceShare, 0, 1);
  reader.numbers("clip", step->clips, 0.01, 2);
  reader.number("weight-share", step->weightShare, 0, 1);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  // A principal part is wanted where its size is given.
  bool principal = llvm::any_of(forPrincipal, [](const StepOption &option) {
    return option.name == "rank" || option.name == "budget";
  });
  MadeStep splitPart = makeSplit(forSplit);
  if (!splitPart)
    return splitPart.takeError();
  step->splitStep = std::move(*splitPart);
  if (principal) {
    MadeStep part = makePrincipal(forPrincipal);
    if (!part)
      return part.takeError();
    step->principalStep = std::move(*part);
  }
  return std::move(step);
}
