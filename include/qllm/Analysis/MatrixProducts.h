// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every matrix product of a model and whether its weight can be quantized; nothing is left out
// silently.

#ifndef QLLM_ANALYSIS_MATRIXPRODUCTS_H
#define QLLM_ANALYSIS_MATRIXPRODUCTS_H

#include "mlir/IR/Operation.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/JSON.h"

#include <string>
#include <vector>

namespace qllm {

/// Name of the attribute that holds a linear layer's readable name, such as `layers.0.q_proj`.
inline constexpr llvm::StringLiteral readableNameAttr = "qllm.name";

struct MatrixProduct {
  mlir::Operation *op = nullptr;
  /// The readable name if the layer has one, else the node's name, else the result's name.
  std::string name;
  /// Operator and, where one operator computes several products, which: `MatMul`, `Attention (Q
  /// K^T)`.
  std::string kind;
  /// The constant operand, looked at through Transpose; null for a product of activations.
  mlir::Value weight;
  /// y[N] = sum over K of x[K] W; for Conv N is output channels and K the patch. Minus one: not
  /// known.
  int64_t inputSize = -1, outputSize = -1;
  int64_t weightElements = 0;
  /// The weight lies as [N, K], as a linear layer keeps it, or is used through a Transpose of that.
  bool outputMajor = false;
  bool quantizable = false;
  /// Why not, when not quantizable.
  std::string reason;
};

/// All products below `root`, in order, subgraphs and functions included.
std::vector<MatrixProduct> findMatrixProducts(mlir::Operation *root);

/// One line a product and a line with the counts.
void printMatrixProducts(llvm::raw_ostream &os, const std::vector<MatrixProduct> &products);

/// One object a product, with the fields above.
llvm::json::Array toJSON(const std::vector<MatrixProduct> &products);

} // namespace qllm

#endif // QLLM_ANALYSIS_MATRIXPRODUCTS_H
