// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `gptq`: weights rounded column by column with the errors fed on (arXiv 2210.17323),
// each layer on what the quantized layers before it give. Its options are also those of recipes
// that round by GPTQ and do something more.

#ifndef QLLM_RECIPES_GPTQ_H
#define QLLM_RECIPES_GPTQ_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// The options of the step `round{method=gptq}`.
struct GPTQRoundingOptions : virtual RecipeOptions {
  Option<double> damp{
      *this, "damp",
      llvm::cl::desc("added to the diagonal of the Hessian, as a fraction of its mean"),
      llvm::cl::init(0.01)};
  Option<bool> actOrder{*this, "act-order",
                        llvm::cl::desc("round the columns with the largest inputs first"),
                        llvm::cl::init(true)};
  Option<int64_t> block{
      *this, "block",
      llvm::cl::desc("columns finished before the columns behind them learn of their errors"),
      llvm::cl::init(128)};
  Option<std::string> range{
      *this, "range", llvm::cl::desc("of weights: minmax, percentile, mse, hessian or output"),
      llvm::cl::init("minmax")};

  /// "range{...},round{...}".
  std::string steps() const;
};

/// Four bits, unless other options say otherwise.
struct GPTQOptions : FormatOptions, CalibrationOptions, GPTQRoundingOptions {
  GPTQOptions() { weightBits = 4; }
};

void buildGPTQPipeline(mlir::OpPassManager &passes, const GPTQOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_GPTQ_H
