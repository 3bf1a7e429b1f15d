// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `adadim`: that of `rtn`, with the direction of groups decided in between.

#include "qllm/Recipes/AdaDim.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"

using namespace qllm;

void qllm::buildAdaDimPipeline(mlir::OpPassManager &passes, const AdaDimOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  PlanGroupAxisOptions axis;
  axis.groupSize = options.groupSize;
  axis.criterion = options.criterion;
  axis.calibration = options.calibration;
  axis.calibrationWindows = options.calibrationWindows;
  axis.calibrationLength = options.calibrationLength;
  passes.addPass(createPlanGroupAxis(std::move(axis)));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
