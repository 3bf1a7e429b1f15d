// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `smoothquant`.

#include "qllm/Recipes/SmoothQuant.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Channels/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildSmoothQuantPipeline(mlir::OpPassManager &passes,
                                    const SmoothQuantOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  SmoothOptions smooth;
  smooth.alpha = options.alpha;
  smooth.search = options.search;
  copyCalibration(options, smooth);
  passes.addPass(createSmooth(std::move(smooth)));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
