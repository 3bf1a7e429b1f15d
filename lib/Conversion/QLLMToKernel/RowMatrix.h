// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations of any rank as matrices, and back.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWMATRIX_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWMATRIX_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Analysis/PackedWeight.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

namespace qllm {

/// A constant vector of i64.
mlir::Value integers(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int64_t> values);

/// A constant of `values`, whose name is that of the constant `like`, if it has one, and a suffix.
template <typename T>
mlir::Value initializer(mlir::OpBuilder &builder, mlir::Location loc, mlir::RankedTensorType type,
                        llvm::ArrayRef<T> values, mlir::Value like, llvm::StringRef suffix) {
  std::string name = (weightName(like) + suffix).str();
  llvm::ArrayRef<char> bytes(reinterpret_cast<const char *>(values.data()),
                             values.size() * sizeof(T));
  return onnx::InitializerOp::create(builder, loc, type, name, makeBlob(type, bytes, name));
}

/// The tensor with all dimensions but the last as rows; itself where it is a matrix.
mlir::Value toRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value tensor);

/// The inverse: a matrix whose rows are those of `like`, as a tensor of type `type`.
mlir::Value fromRows(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value matrix,
                     mlir::Value like, mlir::RankedTensorType type);

/// Scales or zero points [n, G] of groups as [G, n], the order that kernels read; those of one
/// group, or of rows, as [n].
mlir::Value groupsFirst(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value scales);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_ROWMATRIX_H
