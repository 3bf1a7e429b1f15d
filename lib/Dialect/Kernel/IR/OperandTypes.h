// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Questions that the verifiers of kernels ask about ranked tensors.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_OPERANDTYPES_H
#define QLLM_LIB_DIALECT_KERNEL_IR_OPERANDTYPES_H

#include "mlir/IR/Operation.h"

namespace qllm::qk {

/// An error at the operation unless the value is a tensor compatible with the shape, of that
/// element type.
mlir::LogicalResult verifyType(mlir::Operation *op, llvm::StringRef name, mlir::Value value,
                               llvm::ArrayRef<int64_t> shape, mlir::Type elementType);

llvm::ArrayRef<int64_t> shapeOf(mlir::Value tensor);

/// The type of a tensor with an unknown first dimension: the number of rows is an argument of
/// kernels.
mlir::Type withoutRows(mlir::Type tensor);

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_OPERANDTYPES_H
