// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `finequant`: that of `rtn`, with group sizes decided between plan and rounding.

#include "qllm/Recipes/FineQuant.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::buildFineQuantPipeline(mlir::OpPassManager &passes, const FineQuantOptions &options) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(options.planRounding()));
  PlanGroupSizesOptions sizes;
  sizes.smallest = options.smallest;
  sizes.shrink = options.shrink;
  passes.addPass(createPlanGroupSizes(sizes));
  passes.addPass(createQuantizeWeights());
  passes.addPass(createQuantizeActivations());
}
