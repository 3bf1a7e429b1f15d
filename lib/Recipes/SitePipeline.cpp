// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes around the steps of a recipe.

#include "qllm/Recipes/SitePipeline.h"

#include "RoundSites.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"

using namespace qllm;

void qllm::addSitePipeline(mlir::OpPassManager &passes, const FormatOptions &formats,
                           const CalibrationOptions &calibration, const llvm::Twine &steps) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(formats.planRounding()));
  addRoundSites(passes, calibration, /*clip=*/1, steps.str());
}
