// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `svdquant`: scales moved into the weight, a low-rank branch that
// takes what is hard to round, and four bits for the rest (arXiv 2411.05007).

#ifndef QLLM_RECIPES_SVDQUANT_H
#define QLLM_RECIPES_SVDQUANT_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Weights and inputs symmetric in groups of 64, unless other options say
/// otherwise.
struct SVDQuantOptions : FormatOptions, CalibrationOptions {
  SVDQuantOptions() {
    weightBits = 4;
    activationBits = 4;
    granularity = "group";
    groupSize = 64;
    activationGroupSize = 64;
    symmetric = true;
    activationSymmetric = true;
  }

  Option<int64_t> rank{*this, "rank", llvm::cl::desc("of the branch of each site"),
                       llvm::cl::init(32)};
  Option<int64_t> branchBits{*this, "branch-bits",
                             llvm::cl::desc("bits of the branch, 2 to 8; 16 keeps floats"),
                             llvm::cl::init(16)};
  Option<int64_t> iterations{*this, "iterations",
                             llvm::cl::desc("branch and rounded weight in turn, at most so often"),
                             llvm::cl::init(100)};
  Option<int64_t> grid{
      *this, "grid",
      llvm::cl::desc("steps between 0 and 1 of the search for the exponents of scales; 0 for none"),
      llvm::cl::init(20)};
};

void buildSVDQuantPipeline(mlir::OpPassManager &passes, const SVDQuantOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_SVDQUANT_H
