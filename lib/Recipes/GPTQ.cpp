// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The pipeline of `gptq`.

#include "qllm/Recipes/GPTQ.h"

#include "qllm/Recipes/SitePipeline.h"
#include "llvm/Support/FormatVariadic.h"

using namespace qllm;

std::string GPTQRoundingOptions::steps() const {
  return llvm::formatv("range{{method={0}},round{{method=gptq damp={1} act-order={2} block={3}}",
                       range.getValue(), damp.getValue(), actOrder ? "true" : "false",
                       block.getValue());
}

void qllm::buildGPTQPipeline(mlir::OpPassManager &passes, const GPTQOptions &options) {
  addSitePipeline(passes, options, options, options.steps());
}
