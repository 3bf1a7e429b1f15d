// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `eora`: weights rounded by GPTQ, and a low-rank branch for what that costs at the
// output (arXiv 2410.21271).

#ifndef QLLM_RECIPES_EORA_H
#define QLLM_RECIPES_EORA_H

#include "qllm/Recipes/GPTQ.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Four bits in groups of 128, unless other options say otherwise.
struct EoRAOptions : FormatOptions, CalibrationOptions, GPTQRoundingOptions {
  EoRAOptions() {
    weightBits = 4;
    granularity = "group";
    groupSize = 128;
  }

  Option<int64_t> rank{*this, "rank", llvm::cl::desc("of the branch of each site"),
                       llvm::cl::init(64)};
  Option<int64_t> branchBits{*this, "branch-bits",
                             llvm::cl::desc("bits of the branch, 2 to 8; 16 keeps floats"),
                             llvm::cl::init(8)};
};

void buildEoRAPipeline(mlir::OpPassManager &passes, const EoRAOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_EORA_H
