// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `adadim`: round to nearest in groups, and for each weight the direction of the groups
// that costs less: along a row, or down a column, where one input channel has its own scales (arXiv
// 2309.15531).

#ifndef QLLM_RECIPES_ADADIM_H
#define QLLM_RECIPES_ADADIM_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Four bits in groups of 128, unless other options say otherwise.
struct AdaDimOptions : FormatOptions, CalibrationOptions {
  AdaDimOptions() {
    weightBits = 4;
    granularity = "group";
    groupSize = 128;
  }

  Option<std::string> criterion{
      *this, "criterion",
      llvm::cl::desc("what directions are compared by: the output of the block or the layer"),
      llvm::cl::init("block")};
};

void buildAdaDimPipeline(mlir::OpPassManager &passes, const AdaDimOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_ADADIM_H
