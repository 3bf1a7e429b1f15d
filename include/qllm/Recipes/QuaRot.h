// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `quarot`: rotate everything, then GPTQ (QuaRot, arXiv 2404.00456).

#ifndef QLLM_RECIPES_QUAROT_H
#define QLLM_RECIPES_QUAROT_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct QuaRotOptions : FormatOptions, CalibrationOptions {
  QuaRotOptions() {
    weightBits = 4;
    activationBits = 4;
    kvBits = 4;
  }

  Option<std::string> rounding{*this, "rounding",
                               llvm::cl::desc("of weights: gptq, or nearest, which needs no data"),
                               llvm::cl::init("gptq")};
  Option<double> clip{*this, "clip",
                      llvm::cl::desc("ratio of the dynamic range of inputs that is kept"),
                      llvm::cl::init(1)};
  Option<double> kvClip{*this, "kv-clip", llvm::cl::desc("the same for queries, keys and values"),
                        llvm::cl::init(1)};
  Option<bool> untie{*this, "untie",
                     llvm::cl::desc("give embedding and lm_head a table each where they share one"),
                     llvm::cl::init(false)};
};

void buildQuaRotPipeline(mlir::OpPassManager &passes, const QuaRotOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_QUAROT_H
