// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Options that recipes have in common. A recipe's own options struct derives from these.

#ifndef QLLM_RECIPES_RECIPEOPTIONS_H
#define QLLM_RECIPES_RECIPEOPTIONS_H

#include "mlir/Pass/PassOptions.h"
#include <string>
#include <vector>

namespace qllm {

struct PlanRoundingOptions;

/// One option, as help texts show it.
struct RecipeOption {
  std::string name, help;
};

struct RecipeOptions : virtual mlir::detail::PassOptions {
  /// All options of the struct, derived ones included, by name.
  std::vector<RecipeOption> list() const;
};

/// What becomes of weights, inputs, queries, keys and values: the same names and meanings as the
/// options of `qllm-plan-rounding`.
struct FormatOptions : virtual RecipeOptions {
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
  Option<int64_t> groupAxis{*this, "group-axis",
                            llvm::cl::desc("1 for groups of a row, 0 for groups of a column"),
                            llvm::cl::init(1)};
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
  Option<std::string> activationFormat{
      *this, "activation-format",
      llvm::cl::desc("int, e2m1, e2m3, e3m2, e4m3, e5m2, nf4, ternary, mxfp4, mxfp6, mxfp8, nvfp4"),
      llvm::cl::init("int")};
  Option<int64_t> activationGroupSize{
      *this, "activation-group-size",
      llvm::cl::desc("channels of a token that share a scale; 0 for the whole token"),
      llvm::cl::init(0)};
  Option<bool> activationSymmetric{*this, "activation-symmetric",
                                   llvm::cl::desc("activations without zero points"),
                                   llvm::cl::init(false)};
  Option<int64_t> kvBits{
      *this, "kv-bits", llvm::cl::desc("bits of queries, keys and values, 2 to 8; 16 keeps floats"),
      llvm::cl::init(16)};
  Option<int64_t> queryBits{*this, "query-bits",
                            llvm::cl::desc("bits of queries alone; 0 for those of kv-bits"),
                            llvm::cl::init(0)};
  Option<int64_t> keyBits{*this, "key-bits",
                          llvm::cl::desc("bits of keys alone; 0 for those of kv-bits"),
                          llvm::cl::init(0)};
  Option<int64_t> valueBits{*this, "value-bits",
                            llvm::cl::desc("bits of values alone; 0 for those of kv-bits"),
                            llvm::cl::init(0)};
  Option<bool> kvSymmetric{*this, "kv-symmetric",
                           llvm::cl::desc("queries, keys and values without zero points"),
                           llvm::cl::init(false)};
  Option<bool> includeEmbedding{*this, "include-embedding",
                                llvm::cl::desc("quantize the embedding"), llvm::cl::init(false)};
  Option<bool> includeHead{*this, "include-head", llvm::cl::desc("quantize the lm_head"),
                           llvm::cl::init(false)};
  ListOption<std::string> targets{*this, "targets",
                                  llvm::cl::desc("globs of the only operations to quantize")};
  ListOption<std::string> ignore{*this, "ignore",
                                 llvm::cl::desc("globs of operations to leave alone")};

  PlanRoundingOptions planRounding() const;
};

/// The data that a recipe looks at, and its seed.
struct CalibrationOptions : virtual RecipeOptions {
  Option<std::string> calibration{
      *this, "calibration", llvm::cl::desc("tokens to look at, a .npy file"), llvm::cl::init("")};
  Option<int64_t> calibrationWindows{
      *this, "calibration-windows",
      llvm::cl::desc("windows at equal spacing over the calibration text"), llvm::cl::init(16)};
  Option<int64_t> calibrationLength{*this, "calibration-length",
                                    llvm::cl::desc("tokens of a calibration window"),
                                    llvm::cl::init(256)};
  Option<int64_t> seed{*this, "seed", llvm::cl::desc("of everything drawn at random"),
                       llvm::cl::init(0)};
};

} // namespace qllm

#endif // QLLM_RECIPES_RECIPEOPTIONS_H
