// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the raising passes share. They walk the operations in order, build the raised operation in
// front of the last operation of the match, and move its uses; what is dead goes at the end.
// Nothing is erased before, so values that the shape analysis has seen stay valid.

#ifndef QLLM_LIB_TRANSFORMS_RAISE_RAISEUTILS_H
#define QLLM_LIB_TRANSFORMS_RAISE_RAISEUTILS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "qllm/Analysis/Constants.h"
#include "qllm/Analysis/SymbolicShapes.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace qllm::raise {

/// Operations below `root` in program order, as they are now.
llvm::SmallVector<mlir::Operation *> operationsOf(mlir::Operation *root);

/// Erases operations without effect and without uses, uses first.
void eraseDeadOps(mlir::Operation *root);

/// Moves all uses of `from` to `to` and the ONNX names of the node and its first output to the
/// operation of `to`.
void replaceValue(mlir::Value from, mlir::Value to);

/// Whether `from` may be replaced by `to`: a function returns what it declares, and keeps results
/// apart from arguments.
bool mayReplace(mlir::Value from, mlir::Value to);

mlir::Value makeInts(mlir::OpBuilder &builder, mlir::Location loc, llvm::ArrayRef<int64_t> values);
mlir::Value makeInt(mlir::OpBuilder &builder, mlir::Location loc, int64_t value);

/// A tensor type with the element type of `like` and what is known of `shape`.
mlir::RankedTensorType typeFor(mlir::Value like, const SymbolicShape &shape);

/// Matches `value` = Op(a, b) in either order, with `b` accepted; gives `a`.
template <typename Op>
mlir::Value otherOperand(mlir::Value value, llvm::function_ref<bool(mlir::Value)> accepted) {
  auto op = value.getDefiningOp<Op>();
  if (!op)
    return nullptr;
  if (accepted(op->getOperand(1)))
    return op->getOperand(0);
  return accepted(op->getOperand(0)) ? op->getOperand(1) : nullptr;
}

/// The operand of `value` if it is the single result of an Op.
template <typename Op> mlir::Value operandOf(mlir::Value value) {
  auto op = value.getDefiningOp<Op>();
  return op ? op->getOperand(0) : mlir::Value();
}

/// Takes factors off a product: Mul and Div by scalar constants. Multiplies `scale` by them.
mlir::Value stripScale(mlir::Value value, double &scale);

/// Whether `value` is a ReduceMean of `data` over its last axis that keeps the axis; gives `data`.
mlir::Value meanOverLastAxis(mlir::Value value, SymbolicShapes &shapes);

} // namespace qllm::raise

#endif // QLLM_LIB_TRANSFORMS_RAISE_RAISEUTILS_H
