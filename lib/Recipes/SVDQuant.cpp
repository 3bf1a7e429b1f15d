// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `svdquant`.

#include "qllm/Recipes/SVDQuant.h"

#include "mlir/Pass/PassManager.h"
#include "qllm/Dialect/QLLM/Transforms/Passes.h"
#include "qllm/Recipes/SitePipeline.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm;

void qllm::buildSVDQuantPipeline(mlir::OpPassManager &passes, const SVDQuantOptions &options) {
  std::string steps = llvm::formatv("low-rank{{method=svd rank={0} bits={1} iterations={2}}",
                                    options.rank.getValue(), options.branchBits.getValue(),
                                    options.iterations.getValue());
  if (options.grid > 0)
    steps = llvm::formatv("scale{{grid={0} rank={1}},{2}", options.grid.getValue(),
                          options.rank.getValue(), steps);
  addSitePipeline(passes, options, options, steps);
  passes.addPass(createFoldChannelTransforms());
}
