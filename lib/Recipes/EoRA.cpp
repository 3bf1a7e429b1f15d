// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `eora`.

#include "qllm/Recipes/EoRA.h"

#include "qllm/Recipes/SitePipeline.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm;

void qllm::buildEoRAPipeline(mlir::OpPassManager &passes, const EoRAOptions &options) {
  addSitePipeline(passes, options, options,
                  llvm::formatv("{0},low-rank{{method=eora rank={1} bits={2}}", options.steps(),
                                options.rank.getValue(), options.branchBits.getValue())
                      .str());
}
