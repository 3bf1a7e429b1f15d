// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `qllm-plus`.

#include "qllm/Recipes/QLLMPlus.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace qllm;

namespace {

bool quantizesInputs(const QLLMPlusOptions &options) {
  return options.activationFormat != "int" || options.activationBits != 16;
}

/// Coarse codes gain from a smaller range down to two thirds of it, fine ones hardly at all.
std::string clipsFor(const QLLMPlusOptions &options) {
  if (!options.clip.empty())
    return options.clip;
  bool coarse = options.activationFormat == "int" && options.activationBits <= 4 &&
                options.activationGroupSize == 0;
  return coarse ? "0.65:1:0.05" : "0.85:1:0.05";
}

/// Queries, keys and values of few bits gain a little from a smaller range.
double kvClipFor(const QLLMPlusOptions &options) {
  if (options.kvClip != 0)
    return options.kvClip;
  return options.kvBits <= 4 ? 0.95 : 1;
}

/// A search for ranges is about rounding to nearest; GPTQ gets on better with a little less or
/// more.
std::string roundStep(const QLLMPlusOptions &options) {
  bool search = options.scaleSearch && options.round == "gptq";
  return "round{method=" + options.round +
         (search ? " scale-ratios=0.86:0.93:1.07:1.14}" : std::string("}"));
}

std::string searchStep(const QLLMPlusOptions &options) {
  std::vector<std::string> words;
  auto add = [&](llvm::StringRef name, const auto &value) {
    words.push_back((name + "=").str());
    llvm::raw_string_ostream(words.back()) << value;
  };
  auto number = [](double value) { return llvm::format("%g", value); };
  add("split", options.split ? "true" : "false");
  add("rotate", options.rotation ? "true" : "false");
  add("balance", options.balance ? "true" : "false");
  if (options.balanceShare >= 0)
    add("balance-share", number(options.balanceShare));
  add("budget", number(options.budget));
  if (options.outputBudget >= 0)
    add("attention-output", number(options.outputBudget));
  if (options.downBudget >= 0)
    add("feed-forward-output", number(options.downBudget));
  if (options.branchRank != 0)
    add("principal-rank", int64_t(options.branchRank));
  else if (options.branchBudget > 0)
    add("principal-budget", number(options.branchBudget));
  add("factor-bits", int64_t(options.branchBits));
  add("clip", clipsFor(options));
  return "search{" + llvm::join(words, " ") + "}";
}

std::string stepsFor(const QLLMPlusOptions &options) {
  std::vector<std::string> steps;
  // A mean costs an addition at run time; without a quantizer behind it, it gains nothing.
  if (options.mean && quantizesInputs(options))
    steps.push_back("mean");
  steps.push_back(searchStep(options));
  steps.push_back("target{kind=" + options.target + "}");
  steps.push_back("range{method=" + options.range + "}");
  steps.push_back(roundStep(options));
  if (options.refit)
    steps.push_back("refit");
  return llvm::join(steps, ",");
}

} // namespace

void qllm::buildQLLMPlusPipeline(mlir::OpPassManager &passes, const QLLMPlusOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  if (options.rotation) {
    RotateHeadsOptions heads;
    heads.seed = options.seed;
    passes.addPass(createRotateHeads(heads));
  }
  // Queries, keys and values are quantized before the walk, so it sees what they lose.
  QuantizeActivationsOptions attention;
  attention.sites = "attention";
  attention.clip = kvClipFor(options);
  passes.addPass(createQuantizeActivations(std::move(attention)));
  QuantizeSitesOptions sites;
  sites.steps = stepsFor(options);
  sites.centerAttention = options.centerAttention;
  sites.centerForCache = options.centerForCache;
  // Scales that suit a rotation; without one they cost more than they gain.
  sites.balanceHeads = options.balanceHeads && options.rotation;
  sites.sinkFactor = options.sinkFactor;
  copyCalibration(options, sites);
  passes.addPass(createQuantizeSites(std::move(sites)));
}
