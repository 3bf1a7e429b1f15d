// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `rptq`: channels ordered by their ranges, ranges by group of channels, then GPTQ
// (RPTQ, arXiv 2304.01089).

#ifndef QLLM_RECIPES_RPTQ_H
#define QLLM_RECIPES_RPTQ_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct RPTQOptions : FormatOptions, CalibrationOptions {
  RPTQOptions() {
    weightBits = 4;
    activationBits = 4;
    activationGroupSize = 48;
    kvBits = 4;
  }

  Option<int64_t> clusters{*this, "clusters", llvm::cl::desc("of channels, at most"),
                           llvm::cl::init(32)};
};

void buildRPTQPipeline(mlir::OpPassManager &passes, const RPTQOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_RPTQ_H
