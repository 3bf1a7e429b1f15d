// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `rtn`.

#include "qllm/Recipes/RTN.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildRTNPipeline(mlir::OpPassManager &passes, const RTNOptions &options) {
  // Every exporter's spelling of attention must be found, or its keys and values would stay
  // unquantized.
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
