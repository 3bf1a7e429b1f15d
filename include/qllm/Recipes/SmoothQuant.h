// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `smoothquant`: scale migration, then rounding to nearest (SmoothQuant, arXiv
// 2211.10438).

#ifndef QLLM_RECIPES_SMOOTHQUANT_H
#define QLLM_RECIPES_SMOOTHQUANT_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct SmoothQuantOptions : FormatOptions, CalibrationOptions {
  SmoothQuantOptions() { activationBits = 8; }

  Option<double> alpha{*this, "alpha",
                       llvm::cl::desc("share of the range of inputs that moves into weights"),
                       llvm::cl::init(0.5)};
  Option<std::string> search{*this, "search", llvm::cl::desc("of alpha: none, layer or model"),
                             llvm::cl::init("none")};
};

void buildSmoothQuantPipeline(mlir::OpPassManager &passes, const SmoothQuantOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_SMOOTHQUANT_H
