// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `norm-tweaking`: GPTQ, then new gains for the norms in closed form (arXiv 2309.02784).

#ifndef QLLM_RECIPES_NORMTWEAKING_H
#define QLLM_RECIPES_NORMTWEAKING_H

#include "qllm/Recipes/GPTQ.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Weights in two to four bits are what the paper is about; three unless other options say
/// otherwise.
struct NormTweakingOptions : FormatOptions, CalibrationOptions, GPTQRoundingOptions {
  NormTweakingOptions() { weightBits = 3; }

  Option<double> ridge{
      *this, "ridge",
      llvm::cl::desc("pull of gains towards 1, as a fraction of the mean of the diagonal"),
      llvm::cl::init(0.01)};
};

void buildNormTweakingPipeline(mlir::OpPassManager &passes, const NormTweakingOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_NORMTWEAKING_H
