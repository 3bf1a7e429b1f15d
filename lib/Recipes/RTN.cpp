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
  PlanRoundingOptions plan;
  plan.weightBits = options.weightBits;
  plan.weightFormat = options.weightFormat;
  plan.granularity = options.granularity;
  plan.groupSize = options.groupSize;
  plan.adaptGroups = options.adaptGroups;
  plan.symmetric = options.symmetric;
  plan.scale = options.scale;
  plan.activationBits = options.activationBits;
  plan.activationSymmetric = options.activationSymmetric;
  plan.kvBits = options.kvBits;
  plan.includeEmbedding = options.includeEmbedding;
  plan.includeHead = options.includeHead;
  plan.targets.assign(options.targets.begin(), options.targets.end());
  plan.ignore.assign(options.ignore.begin(), options.ignore.end());

  // Every exporter's spelling of attention must be found, or its keys and values would stay unquantized.
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(std::move(plan)));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
