// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The end of recipes that transform channels first: attention's quantizers, then every site with
// everything before it already quantized.

#ifndef QLLM_LIB_RECIPES_ROUNDSITES_H
#define QLLM_LIB_RECIPES_ROUNDSITES_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

void addRoundSites(mlir::OpPassManager &passes, const CalibrationOptions &calibration, double clip,
                   const std::string &steps);

/// Sets the calibration options of a pass, which all have the same names.
template <typename PassOptions>
void copyCalibration(const CalibrationOptions &from, PassOptions &to) {
  to.calibration = from.calibration;
  to.calibrationWindows = from.calibrationWindows;
  to.calibrationLength = from.calibrationLength;
  to.seed = from.seed;
}

} // namespace qllm

#endif // QLLM_LIB_RECIPES_ROUNDSITES_H
