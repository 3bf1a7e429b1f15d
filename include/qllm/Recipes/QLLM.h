// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `qllm`: channel reassembly (QLLM, arXiv 2310.08041), as published or improved, and its
// error correction in closed form. docs/recipes/qllm.md.

#ifndef QLLM_RECIPES_QLLM_H
#define QLLM_RECIPES_QLLM_H

#include "qllm/Recipes/RecipeOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

struct QLLMOptions : FormatOptions, CalibrationOptions {
  enum class Reassembly { Published, Split, None };
  enum class Correction { None, Branch, Fused, Full };

  Option<Reassembly> reassembly{
      *this, "reassembly",
      llvm::cl::desc(
          "published: thresholds by search, as many merges as copies; split: copies by a "
          "budget, in one walk; none"),
      llvm::cl::init(Reassembly::Published),
      llvm::cl::values(clEnumValN(Reassembly::Published, "published", "as in the paper's code"),
                       clEnumValN(Reassembly::Split, "split", "a budget of copies, no search"),
                       clEnumValN(Reassembly::None, "none", "rounding alone"))};
  Option<double> ratio{
      *this, "ratio",
      llvm::cl::desc("published: channels that may be added, as a share of the width"),
      llvm::cl::init(0.2)};
  Option<int64_t> searchWindows{
      *this, "search-windows",
      llvm::cl::desc("published: windows that block functions are compared on"), llvm::cl::init(1)};
  Option<std::string> score{*this, "score",
                            llvm::cl::desc("published: of a pair to merge, published or paper"),
                            llvm::cl::init("published")};
  Option<bool> noSplit{*this, "no-split",
                       llvm::cl::desc("leave sites alone that reassembly does not improve"),
                       llvm::cl::init(false)};
  Option<double> budget{*this, "budget",
                        llvm::cl::desc("split: channels to add, as a share of the width"),
                        llvm::cl::init(0.1)};
  Option<double> outputBudget{*this, "output-budget",
                              llvm::cl::desc("split: the same for the attention's output"),
                              llvm::cl::init(0)};
  Option<double> downBudget{
      *this, "down-budget",
      llvm::cl::desc("split: the same for the feed-forward's output; -1 for that of budget"),
      llvm::cl::init(-1)};
  Option<std::string> criterion{*this, "criterion",
                                llvm::cl::desc("split: soft, max, nmax or joint"),
                                llvm::cl::init("soft")};
  Option<bool> offsets{*this, "offsets",
                       llvm::cl::desc("split: rounding offsets, so that copies add up to the "
                                      "rounding of the channel"),
                       llvm::cl::init(true)};
  Option<int64_t> tile{*this, "tile", llvm::cl::desc("split: add channels up to a multiple of it"),
                       llvm::cl::init(0)};
  Option<std::string> merge{
      *this, "merge",
      llvm::cl::desc(
          "split: none, or merge as many channels as were added: published, exact, optimal"),
      llvm::cl::init("none")};
  Option<Correction> correction{
      *this, "correction",
      llvm::cl::desc("none; branch: low-rank beside the weights; fused: low-rank, rounded into "
                     "them; full: regression, rounded"),
      llvm::cl::init(Correction::None),
      llvm::cl::values(clEnumValN(Correction::None, "none", "nothing is corrected"),
                       clEnumValN(Correction::Branch, "branch", "low rank, at run time"),
                       clEnumValN(Correction::Fused, "fused", "low rank, rounded into weights"),
                       clEnumValN(Correction::Full, "full", "ridge regression, rounded"))};
  Option<bool> finalNorm{
      *this, "final-norm",
      llvm::cl::desc(
          "with split or a correction: fit gain and bias of the last norm to the float model"),
      llvm::cl::init(false)};
  Option<int64_t> rank{*this, "rank", llvm::cl::desc("of the correction"), llvm::cl::init(4)};
};

void buildQLLMPipeline(mlir::OpPassManager &passes, const QLLMOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_QLLM_H
