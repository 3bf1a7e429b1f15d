// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What recipes that go through a model site by site have in common.

#ifndef QLLM_RECIPES_SITEPIPELINE_H
#define QLLM_RECIPES_SITEPIPELINE_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Raises and converts the model, plans formats, quantizes queries, keys and values, and runs
/// `steps` at every site of a calibration run. `steps` is the text that `qllm-quantize-sites`
/// takes.
void addSitePipeline(mlir::OpPassManager &passes, const FormatOptions &formats,
                     const CalibrationOptions &calibration, const llvm::Twine &steps);

} // namespace qllm

#endif // QLLM_RECIPES_SITEPIPELINE_H
