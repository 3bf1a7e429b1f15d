// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The recipe `rtn`: round to nearest, nothing else. What every other recipe is measured against.

#ifndef QLLM_RECIPES_RTN_H
#define QLLM_RECIPES_RTN_H

#include "mlir/Pass/PassOptions.h"

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace qllm {

/// The same names and meanings as the options of `qllm-plan-rounding`.
struct RTNOptions : mlir::PassPipelineOptions<RTNOptions> {
  Option<int64_t> weightBits{*this, "weight-bits",
                             llvm::cl::desc("bits of integer weights, 2 to 8; 16 keeps floats"),
                             llvm::cl::init(8)};
  Option<std::string> weightFormat{
      *this, "weight-format",
      llvm::cl::desc("int, e2m1, e2m3, e3m2, e4m3, e5m2, nf4, ternary, mxfp4, mxfp6, mxfp8, nvfp4"),
      llvm::cl::init("int")};
  Option<std::string> granularity{*this, "granularity",
                                  llvm::cl::desc("of weights: tensor, channel or group"),
                                  llvm::cl::init("channel")};
  Option<int64_t> groupSize{*this, "group-size",
                            llvm::cl::desc("elements of a row that share a scale"),
                            llvm::cl::init(64)};
  Option<bool> adaptGroups{
      *this, "adapt-groups",
      llvm::cl::desc("take a smaller group where the size does not divide the width"),
      llvm::cl::init(true)};
  Option<bool> symmetric{*this, "symmetric", llvm::cl::desc("integer weights without zero points"),
                         llvm::cl::init(false)};
  Option<std::string> scale{*this, "scale",
                            llvm::cl::desc("how scales of weights are stored: f32, f16 or bf16"),
                            llvm::cl::init("f32")};
  Option<int64_t> activationBits{
      *this, "activation-bits",
      llvm::cl::desc("bits of the inputs of products, 2 to 8; 16 keeps floats"),
      llvm::cl::init(16)};
  Option<bool> activationSymmetric{*this, "activation-symmetric",
                                   llvm::cl::desc("activations without zero points"),
                                   llvm::cl::init(false)};
  Option<int64_t> kvBits{
      *this, "kv-bits", llvm::cl::desc("bits of queries, keys and values, 2 to 8; 16 keeps floats"),
      llvm::cl::init(16)};
  Option<bool> includeEmbedding{*this, "include-embedding",
                                llvm::cl::desc("quantize the embedding"), llvm::cl::init(false)};
  Option<bool> includeHead{*this, "include-head", llvm::cl::desc("quantize the lm_head"),
                           llvm::cl::init(false)};
  ListOption<std::string> targets{*this, "targets",
                                  llvm::cl::desc("globs of the only operations to quantize")};
  ListOption<std::string> ignore{*this, "ignore",
                                 llvm::cl::desc("globs of operations to leave alone")};
};

void buildRTNPipeline(mlir::OpPassManager &passes, const RTNOptions &options);

} // namespace qllm

#endif // QLLM_RECIPES_RTN_H
