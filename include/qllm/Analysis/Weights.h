// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding the weights of a model and the names people know them by.

#ifndef QLLM_ANALYSIS_WEIGHTS_H
#define QLLM_ANALYSIS_WEIGHTS_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"
#include <string>

namespace qllm {

/// A constant as one of its readers sees it: the stored tensor, perhaps with its two axes swapped.
struct ConstantView {
  /// The result of the operation that holds the data; null if the value is no constant.
  mlir::Value source;
  bool transposed = false;

  explicit operator bool() const { return source != nullptr; }
};

/// Looks through identities and transposes of two axes to the operation that holds the data.
ConstantView viewConstant(mlir::Value value);

/// The data of a constant's source: an initializer's or a constant operator's. Null if there is
/// none.
mlir::TypedAttr constantData(mlir::Value source);

/// Whether `value` is computed from constants alone, by whatever operations.
bool isConstantExpression(mlir::Value value);

/// Whether other operations than `reader` read the table behind `weight`, through transposes or
/// not, as those of a tied embedding do.
bool sharesTable(mlir::Value weight, mlir::Operation *reader);

/// The name of the initializer behind a constant or a packed weight; empty if it has none.
llvm::StringRef weightName(mlir::Value source);

/// The name of an operation in reports: its ONNX node name, else its first output's, else that of
/// its weight.
std::string siteName(mlir::Operation *op);

/// All names by which patterns may select `op`: node, outputs, weight.
llvm::SmallVector<std::string> siteNames(mlir::Operation *op);

} // namespace qllm

#endif // QLLM_ANALYSIS_WEIGHTS_H
