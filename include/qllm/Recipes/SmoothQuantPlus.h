// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `smoothquant-plus`: one alpha for the whole model, then weights of four bits in groups
// (SmoothQuant+, arXiv 2312.03788).

#ifndef QLLM_RECIPES_SMOOTHQUANTPLUS_H
#define QLLM_RECIPES_SMOOTHQUANTPLUS_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct SmoothQuantPlusOptions : FormatOptions, CalibrationOptions {
  SmoothQuantPlusOptions() {
    weightBits = 4;
    granularity = "group";
    groupSize = 128;
  }

  Option<double> step{*this, "step", llvm::cl::desc("between two values of alpha that are tried"),
                      llvm::cl::init(0.05)};
  Option<int64_t> searchWindows{
      *this, "search-windows", llvm::cl::desc("windows that the error of the model is measured on"),
      llvm::cl::init(2)};
};

void buildSmoothQuantPlusPipeline(mlir::OpPassManager &passes,
                                  const SmoothQuantPlusOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_SMOOTHQUANTPLUS_H
