// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `norm-tweaking`.

#include "qllm/Recipes/NormTweaking.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Dialect/QLLM/Transforms/Passes.h"
#include "qllm/Recipes/SitePipeline.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm;

void qllm::buildNormTweakingPipeline(mlir::OpPassManager &passes,
                                     const NormTweakingOptions &options) {
  addSitePipeline(
      passes, options, options,
      llvm::formatv("{0},norm-gain{{ridge={1}}", options.steps(), options.ridge.getValue()).str());
  // The gains go into the norms' own.
  passes.addPass(createFoldChannelTransforms());
}
