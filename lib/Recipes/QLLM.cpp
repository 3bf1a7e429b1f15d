// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `qllm`.

#include "qllm/Recipes/QLLM.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Reassembly/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm;

namespace {

void addPublishedReassembly(mlir::OpPassManager &passes, const QLLMOptions &options) {
  PlanReassemblyOptions plan;
  copyCalibration(options, plan);
  plan.ratio = options.ratio;
  plan.searchWindows = options.searchWindows;
  plan.noSplit = options.noSplit;
  plan.score = options.score;
  passes.addPass(createPlanReassembly(std::move(plan)));
  passes.addPass(createApplyReassembly());
}

std::string splitStep(const QLLMOptions &options) {
  std::string text = llvm::formatv("split{{budget={0} attention-output={1}", double(options.budget),
                                   double(options.outputBudget));
  if (options.downBudget >= 0)
    text += llvm::formatv(" feed-forward-output={0}", double(options.downBudget));
  text +=
      llvm::formatv(" criterion={0} offsets={1} tile={2} none={3}}", options.criterion.getValue(),
                    bool(options.offsets), int64_t(options.tile), bool(options.noSplit));
  if (options.merge != "none")
    text += ",merge{method=" + options.merge + "}";
  return text;
}

/// The steps at each site; empty where weights are rounded without a look at data.
std::string stepsFor(const QLLMOptions &options) {
  std::vector<std::string> steps;
  if (options.reassembly == QLLMOptions::Reassembly::Split)
    steps.push_back(splitStep(options));
  using Correction = QLLMOptions::Correction;
  Correction correction = options.correction;
  if (correction == Correction::Full)
    steps.push_back("target{kind=local}");
  else if (correction != Correction::None)
    steps.push_back("target{kind=local fit=false}");
  if (steps.empty())
    return "";
  // A fused branch is rounded with the weight.
  if (correction != Correction::Fused)
    steps.push_back("round{method=nearest}");
  if (correction == Correction::Branch || correction == Correction::Fused)
    steps.push_back(llvm::formatv("low-rank{{rank={0} fuse={1}}", int64_t(options.rank),
                                  correction == Correction::Fused));
  return llvm::join(steps, ",");
}

} // namespace

void qllm::buildQLLMPipeline(mlir::OpPassManager &passes, const QLLMOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  if (options.reassembly == QLLMOptions::Reassembly::Published)
    addPublishedReassembly(passes, options);
  std::string steps = stepsFor(options);
  if (!steps.empty()) {
    // Queries, keys and values are quantized before the walk, so it sees what they lose.
    QuantizeActivationsOptions attention;
    attention.sites = "attention";
    passes.addPass(createQuantizeActivations(std::move(attention)));
    QuantizeSitesOptions sites;
    copyCalibration(options, sites);
    sites.steps = steps;
    sites.finalNorm = options.finalNorm;
    passes.addPass(createQuantizeSites(std::move(sites)));
  }
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
