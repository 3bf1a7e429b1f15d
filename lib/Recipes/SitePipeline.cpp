// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The passes around the steps of a recipe.

#include "qllm/Recipes/SitePipeline.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/ONNXToQLLM/Passes.h"
#include "qllm/Transforms/Raise/Passes.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"

using namespace qllm;

void qllm::addSitePipeline(mlir::OpPassManager &passes, const FormatOptions &formats,
                           const CalibrationOptions &calibration, const llvm::Twine &steps) {
  buildRaisePipeline(passes);
  passes.addPass(createConvertONNXToQLLM());
  passes.addPass(createPlanRounding(formats.planRounding()));
  // Before the sites, so that whatever lies behind attention is solved for its rounded result.
  QuantizeActivationsOptions attention;
  attention.sites = "attention";
  passes.addPass(createQuantizeActivations(attention));
  QuantizeSitesOptions sites;
  sites.steps = steps.str();
  sites.calibration = calibration.calibration;
  sites.calibrationWindows = calibration.calibrationWindows;
  sites.calibrationLength = calibration.calibrationLength;
  sites.seed = calibration.seed;
  passes.addPass(createQuantizeSites(std::move(sites)));
}
