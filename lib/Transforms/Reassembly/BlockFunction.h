// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The block function of a site: what the model computes from the site's products before anything
// else of the residual stream comes in.

#ifndef QLLM_LIB_TRANSFORMS_REASSEMBLY_BLOCKFUNCTION_H
#define QLLM_LIB_TRANSFORMS_REASSEMBLY_BLOCKFUNCTION_H

#include "qllm/Calibration/Sites.h"
#include "llvm/ADT/DenseSet.h"

namespace qllm {

class BlockFunctions {
public:
  explicit BlockFunctions(mlir::func::FuncOp function);

  /// The inputs of linear layers that depend on the products of `site` and on nothing else that
  /// comes from a weight's product: the attention's output for q, k and v, the gated product for
  /// gate and up. The products themselves where there is no such value.
  llvm::SmallVector<mlir::Value> outputs(const Site &site) const;

private:
  mlir::Block &block;
  /// Floating-point values that depend on a linear layer or an embedding.
  llvm::DenseSet<mlir::Value> activations;
};

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_REASSEMBLY_BLOCKFUNCTION_H
