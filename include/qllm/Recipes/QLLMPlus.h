// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `qllm-plus`: the best that the pieces give together, found site by site.

#ifndef QLLM_RECIPES_QLLMPLUS_H
#define QLLM_RECIPES_QLLMPLUS_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// Four bits for weights, inputs, queries, keys and values, unless other options say otherwise.
struct QLLMPlusOptions : FormatOptions, CalibrationOptions {
  QLLMPlusOptions() { weightBits = activationBits = kvBits = 4; }

  Option<bool> rotation{
      *this, "rotation",
      llvm::cl::desc("rotations at sites where they lose less, of queries, keys and value heads"),
      llvm::cl::init(true)};
  Option<bool> split{*this, "split", llvm::cl::desc("channels may be split where it loses less"),
                     llvm::cl::init(true)};
  Option<double> budget{*this, "budget",
                        llvm::cl::desc("channels that a split may add, as a share of the channels"),
                        llvm::cl::init(0.1)};
  Option<double> outputBudget{*this, "output-budget",
                              llvm::cl::desc("the same for inputs of attention's output layers; "
                                             "negative for that of budget"),
                              llvm::cl::init(-1)};
  Option<double> downBudget{*this, "down-budget",
                            llvm::cl::desc("the same for inputs of down layers; negative for that "
                                           "of budget"),
                            llvm::cl::init(-1)};
  Option<double> branchBudget{
      *this, "branch-budget",
      llvm::cl::desc("multiplications of the principal part, as a share of the layers'"),
      llvm::cl::init(0)};
  Option<int64_t> branchRank{*this, "branch-rank",
                             llvm::cl::desc("rank of the principal part, instead of its budget"),
                             llvm::cl::init(0)};
  Option<int64_t> branchBits{*this, "branch-bits",
                             llvm::cl::desc("bits of the principal part's factors, 16 for floats"),
                             llvm::cl::init(8)};
  Option<bool> mean{*this, "mean", llvm::cl::desc("static means go from inputs to biases"),
                    llvm::cl::init(true)};
  Option<bool> centerAttention{*this, "center-attention",
                               llvm::cl::desc("static means of queries, keys and values are not "
                                              "quantized"),
                               llvm::cl::init(true)};
  Option<bool> centerForCache{
      *this, "center-for-cache",
      llvm::cl::desc("means of keys are one constant for all positions, which a paged cache has a "
                     "place for"),
      llvm::cl::init(false)};
  Option<bool> balanceHeads{
      *this, "balance-heads",
      llvm::cl::desc("scales between queries and keys, where they are rotated"),
      llvm::cl::init(true)};
  Option<bool> balance{*this, "balance",
                       llvm::cl::desc("scales between inputs and weights before a rotation"),
                       llvm::cl::init(true)};
  Option<double> balanceShare{
      *this, "balance-share",
      llvm::cl::desc("exponent of the input's size in these scales, 0 to 1; negative for what "
                     "suits the bits"),
      llvm::cl::init(-1)};
  Option<double> sinkFactor{*this, "sink-factor",
                            llvm::cl::desc("norm of an activation of an attention sink, over the "
                                           "median token's, from which on the token "
                                           "is left out of means and counts; 0 leaves none out"),
                            llvm::cl::init(32)};
  Option<std::string> clip{
      *this, "clip",
      llvm::cl::desc("ratios of input ranges to choose from, low:high:step or one; empty for what "
                     "suits the bits"),
      llvm::cl::init("")};
  Option<double> kvClip{*this, "kv-clip",
                        llvm::cl::desc("ratio of the ranges of queries, keys and values; 0 for "
                                       "what suits the bits"),
                        llvm::cl::init(0)};
  Option<std::string> target{*this, "target",
                             llvm::cl::desc("what weights are fitted to before they are rounded: "
                                            "none, local, reference or residual"),
                             llvm::cl::init("local")};
  Option<std::string> range{*this, "range",
                            llvm::cl::desc("how ranges of weights are chosen: minmax, mse, "
                                           "hessian or output"),
                            llvm::cl::init("mse")};
  Option<std::string> round{*this, "round", llvm::cl::desc("gptq or nearest"),
                            llvm::cl::init("gptq")};
  Option<bool> scaleSearch{*this, "scale-search",
                           llvm::cl::desc("gptq: round with five scales for each row, and keep the "
                                          "best"),
                           llvm::cl::init(false)};
  Option<bool> refit{*this, "refit",
                     llvm::cl::desc("biases and principal parts are fitted to what is left"),
                     llvm::cl::init(true)};
};

void buildQLLMPlusPipeline(mlir::OpPassManager &passes, const QLLMPlusOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_QLLMPLUS_H
