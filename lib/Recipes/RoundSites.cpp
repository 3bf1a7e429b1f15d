// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention comes first, so that what lies behind it is solved for its rounded result.

#include "RoundSites.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Transforms/Rounding/Passes.h"
#include "qllm/Transforms/Sites/Passes.h"

void qllm::addRoundSites(mlir::OpPassManager &passes, const CalibrationOptions &calibration,
                         double clip, const std::string &steps) {
  QuantizeActivationsOptions attention;
  attention.sites = "attention";
  attention.clip = clip;
  passes.addPass(createQuantizeActivations(attention));
  QuantizeSitesOptions sites;
  sites.steps = steps;
  copyCalibration(calibration, sites);
  passes.addPass(createQuantizeSites(std::move(sites)));
}
