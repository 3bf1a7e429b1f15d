// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `smoothquant-plus`.

#include "qllm/Recipes/SmoothQuantPlus.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildSmoothQuantPlusPipeline(mlir::OpPassManager &passes,
                                        const SmoothQuantPlusOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  SmoothOptions smooth;
  smooth.search = "model";
  smooth.step = options.step;
  smooth.searchWindows = options.searchWindows;
  copyCalibration(options, smooth);
  passes.addPass(createSmooth(std::move(smooth)));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
