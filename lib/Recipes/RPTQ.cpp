// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `rptq`.

#include "qllm/Recipes/RPTQ.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildRPTQPipeline(mlir::OpPassManager &passes, const RPTQOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  PermuteChannelsOptions permute;
  permute.clusters = options.clusters;
  copyCalibration(options, permute);
  passes.addPass(createPermuteChannels(std::move(permute)));
  addRoundSites(passes, options, /*clip=*/1, "round{method=gptq}");
}
