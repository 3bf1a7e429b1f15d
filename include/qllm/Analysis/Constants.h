// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Small constants of an onnx graph, however the exporter wrote them.

#ifndef QLLM_ANALYSIS_CONSTANTS_H
#define QLLM_ANALYSIS_CONSTANTS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>

namespace qllm {

/// The value of an Initializer or Constant, large or small; null for anything else.
mlir::TypedAttr constantValue(mlir::Value value);

/// True for a weight: an Initializer or a Constant, through views that keep its data (Transpose,
/// Reshape, Identity, ...).
bool isConstantData(mlir::Value value);

/// The elements of a small integer or bool constant of rank 0 or 1.
std::optional<llvm::SmallVector<int64_t>> constantInts(mlir::Value value);

/// The number that a floating-point or integer constant of one element holds (any rank, all
/// dimensions 1).
std::optional<double> constantScalar(mlir::Value value);

/// As constantScalar, and folds the arithmetic that exporters leave on scalars (Sqrt, Div, Mul,
/// Cast, ...).
std::optional<double> foldScalar(mlir::Value value);

/// True if `value` is a scalar constant within a relative 1e-5 of `expected`: constants pass
/// through f32 and f16.
bool isScalar(mlir::Value value, double expected);

} // namespace qllm

#endif // QLLM_ANALYSIS_CONSTANTS_H
