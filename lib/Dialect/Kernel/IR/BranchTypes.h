// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The types of a low-rank branch's operands, which products of integers and of floats have alike.

#ifndef QLLM_LIB_DIALECT_KERNEL_IR_BRANCHTYPES_H
#define QLLM_LIB_DIALECT_KERNEL_IR_BRANCHTYPES_H

#include "OperandTypes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace qllm::qk {

/// Of an operation that has a branch: its inputs have `inputType`, its weights are bytes, each row
/// of which has a scale.
template <typename Op>
mlir::LogicalResult verifyBranchTypes(Op op, int64_t rows, int64_t columns, mlir::Type inputType) {
  int64_t rank = shapeOf(op.getBranchWeight())[1];
  if (mlir::ShapedType::isDynamic(rank))
    return op.emitOpError() << "expected a branch of static rank, but got "
                            << op.getBranchWeight().getType();
  mlir::MLIRContext *context = op.getContext();
  if (failed(verifyType(op, "inputs of a branch", op.getBranchInput(), {rows, rank}, inputType)) ||
      failed(verifyType(op, "weights of a branch", op.getBranchWeight(), {columns, rank},
                        mlir::IntegerType::get(context, 8))))
    return mlir::failure();
  return verifyType(op, "scales of a branch's weights", op.getBranchWeightScales(), {columns},
                    mlir::Float32Type::get(context));
}

} // namespace qllm::qk

#endif // QLLM_LIB_DIALECT_KERNEL_IR_BRANCHTYPES_H
