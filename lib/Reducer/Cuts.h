// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Cuts through a function of one block. Each changes it in place and leaves it consistent, though
// perhaps no longer valid for some operation: whoever cuts verifies.

#ifndef QLLM_LIB_REDUCER_CUTS_H
#define QLLM_LIB_REDUCER_CUTS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qllm {

/// Returns `value` alone.
void returnOnly(mlir::func::FuncOp function, mlir::Value value);

/// Puts a new argument in the place of every result of `op` that is read.
void becomeArguments(mlir::func::FuncOp function, mlir::Operation *op);

/// The same for all operations in front of `place` but constants and what only depends on
/// constants.
void cutAbove(mlir::func::FuncOp function, mlir::Operation *place);

/// Erases operations and arguments that nothing reads.
void dropUnused(mlir::func::FuncOp function);

} // namespace qllm

#endif // QLLM_LIB_REDUCER_CUTS_H
