// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the operations that have a row source verify, and say of it to their kernels.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_ROWSOURCECHECKS_H
#define QLLM_LIB_DIALECT_KERNEL_IR_ROWSOURCECHECKS_H

#include "qllm/Dialect/Kernel/IR/RowSource.h"

namespace qllm::qk {

/// An absent vector is of any size; the element type is its own.
mlir::LogicalResult verifyVector(mlir::Operation *op, llvm::StringRef name, mlir::Value vector,
                                 int64_t size);
/// Residual, gate and stream are as the input.
mlir::LogicalResult verifyMatrices(const RowSource &source);
/// Index and tables make rows of `columns` elements.
mlir::LogicalResult verifyTables(const RowSource &source, int64_t columns);
/// The norm is whole, and the steps go together.
mlir::LogicalResult verifySteps(const RowSource &source);
/// A null clip is 1.
mlir::LogicalResult verifyClip(mlir::Operation *op, mlir::FloatAttr clip);

/// The types that the code of a kernel depends on, and a part of its name.
llvm::SmallVector<mlir::Type> typesOfSource(const RowSource &source);
std::string describeSource(const RowSource &source);

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_ROWSOURCECHECKS_H
