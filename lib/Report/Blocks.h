// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The blocks of a model: layers of one number, between two values that everything passes through.

#ifndef QLLM_LIB_REPORT_BLOCKS_H
#define QLLM_LIB_REPORT_BLOCKS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Site/SiteState.h"
#include <string>
#include <vector>

namespace qllm::report {

/// One linear layer, in the order of the function.
struct Layer {
  std::string name;
  SiteKind kind = SiteKind::Other;
  int64_t block = -1;
  LinearOp linear;
  /// With the branches beside the layer added.
  mlir::Value output;
};

struct ModelBlock {
  int64_t number = 0;
  /// What enters it: the residual stream, in front of the block's norm.
  mlir::Value input;
  /// What leaves it: the input of the next one, or of the head.
  mlir::Value output;
  std::vector<size_t> layers;
};

struct BlockList {
  std::vector<Layer> layers;
  std::vector<ModelBlock> blocks;
  /// Why blocks were not found; they are empty then.
  std::string problem;
  /// The result called `logits`; null if there is none.
  mlir::Value logits;

  const Layer *find(llvm::StringRef name) const;
};

/// The layers of a function of one block, branches left out.
BlockList findBlocks(mlir::func::FuncOp function);

/// The activation that a layer reads, in front of maps of channels, principal parts and quantizers.
mlir::Value activationOf(LinearOp linear);
/// What is quantized, or read, in the end: maps and splits behind it.
mlir::Value quantizerInput(LinearOp linear);

} // namespace qllm::report

#endif // QLLM_LIB_REPORT_BLOCKS_H
