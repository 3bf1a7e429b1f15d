// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reshapes, which cost nothing.

#include "RowMatrix.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

Value qllm::integers(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getI64Type());
  OperationState state(loc, onnx::ConstantOp::getOperationName());
  state.addTypes(type);
  state.addAttribute("value", DenseElementsAttr::get(type, values));
  return builder.create(state)->getResult(0);
}

Value qllm::toRows(OpBuilder &builder, Location loc, Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (type.getRank() == 2)
    return tensor;
  // What was a matrix before.
  if (auto reshape = tensor.getDefiningOp<onnx::ReshapeOp>())
    if (auto source = dyn_cast<RankedTensorType>(reshape.getData().getType());
        source && source.getRank() == 2 && source.getShape().back() == type.getShape().back() &&
        !ShapedType::isDynamic(type.getShape().back()))
      return reshape.getData();
  int64_t rows = 1, last = type.getShape().back();
  for (int64_t size : type.getShape().drop_back())
    rows = ShapedType::isDynamic(rows) || ShapedType::isDynamic(size) ? ShapedType::kDynamic
                                                                      : rows * size;
  return onnx::ReshapeOp::create(builder, loc,
                                 RankedTensorType::get({rows, last}, type.getElementType()), tensor,
                                 integers(builder, loc, {-1, last}), nullptr);
}

/// An operand with the sizes of the result; null for none. Not a product: what a branch is added to
/// may have no reader but the sum.
static Value sizesFrom(Operation *op) {
  if (!isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::RMSNormalizationOp,
           onnx::LayerNormalizationOp>(op))
    return {};
  for (Value operand : op->getOperands())
    if (operand.getType() == op->getResult(0).getType() &&
        !isa_and_present<LinearOp, LowRankOp>(operand.getDefiningOp()))
      return operand;
  return {};
}

/// The sizes of all dimensions of a tensor but the last. Looks behind operations that keep them, so
/// that those need not run for their shape.
static Value leadingSizes(OpBuilder &builder, Location loc, Value like) {
  auto type = cast<RankedTensorType>(like.getType());
  while (Operation *op = like.getDefiningOp()) {
    if (auto reshape = dyn_cast<onnx::ReshapeOp>(op))
      if (auto shape = reshape.getShape().getDefiningOp<onnx::ConcatOp>();
          shape && shape->getNumOperands() == 2 &&
          shape->getOperand(0).getType() ==
              RankedTensorType::get({type.getRank() - 1}, builder.getI64Type()))
        return shape->getOperand(0);
    if (auto transform = dyn_cast<ChannelTransform>(op))
      like = transform.getTransformInput();
    else if (Value operand = sizesFrom(op))
      like = operand;
    else
      break;
  }
  return onnx::ShapeOp::create(
      builder, loc, RankedTensorType::get({type.getRank() - 1}, builder.getI64Type()), like,
      builder.getI64IntegerAttr(type.getRank() - 1), builder.getI64IntegerAttr(0));
}

Value qllm::fromRows(OpBuilder &builder, Location loc, Value matrix, Value like,
                     RankedTensorType type) {
  if (type.getRank() == 2)
    return matrix;
  Value shape = onnx::ConcatOp::create(
      builder, loc, RankedTensorType::get({type.getRank()}, builder.getI64Type()),
      ValueRange{leadingSizes(builder, loc, like),
                 integers(builder, loc, {type.getShape().back()})},
      builder.getI64IntegerAttr(0));
  return onnx::ReshapeOp::create(builder, loc, type, matrix, shape, nullptr);
}

Value qllm::groupsFirst(OpBuilder &builder, Location loc, Value scales) {
  auto type = cast<RankedTensorType>(scales.getType());
  if (type.getRank() == 1)
    return scales;
  int64_t rows = type.getDimSize(0), groups = type.getDimSize(1);
  if (groups == 1)
    return onnx::ReshapeOp::create(builder, loc,
                                   RankedTensorType::get({rows}, type.getElementType()), scales,
                                   integers(builder, loc, {rows}), nullptr);
  return onnx::TransposeOp::create(builder, loc,
                                   RankedTensorType::get({groups, rows}, type.getElementType()),
                                   scales, builder.getDenseI64ArrayAttr({1, 0}));
}
