// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `finequant`: weights rounded to nearest, each with as many scales as its values ask
// for; no data is looked at (arXiv 2308.09723).

#ifndef QLLM_RECIPES_FINEQUANT_H
#define QLLM_RECIPES_FINEQUANT_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Symmetric weights with f16 scales unless other options say otherwise, as in the paper.
struct FineQuantOptions : FormatOptions {
  FineQuantOptions() {
    symmetric = true;
    scale = "f16";
  }

  /// As for `qllm-plan-group-sizes`.
  Option<int64_t> smallest{*this, "smallest", llvm::cl::desc("no group has fewer elements"),
                           llvm::cl::init(64)};
  Option<double> shrink{
      *this, "shrink",
      llvm::cl::desc("halve groups while the mean range becomes at most this part of what it was"),
      llvm::cl::init(0.93)};
};

void buildFineQuantPipeline(mlir::OpPassManager &passes, const FineQuantOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_FINEQUANT_H
