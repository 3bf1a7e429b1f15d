// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reshapes, which cost nothing.

#include "RowMatrix.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

static Value integers(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
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
  int64_t rows = 1, last = type.getShape().back();
  for (int64_t size : type.getShape().drop_back())
    rows = ShapedType::isDynamic(rows) || ShapedType::isDynamic(size) ? ShapedType::kDynamic
                                                                      : rows * size;
  return onnx::ReshapeOp::create(builder, loc,
                                 RankedTensorType::get({rows, last}, type.getElementType()), tensor,
                                 integers(builder, loc, {-1, last}), nullptr);
}

Value qllm::fromRows(OpBuilder &builder, Location loc, Value matrix, Value like,
                     RankedTensorType type) {
  if (type.getRank() == 2)
    return matrix;
  auto vector = [&](int64_t size) { return RankedTensorType::get({size}, builder.getI64Type()); };
  Value leading = onnx::ShapeOp::create(builder, loc, vector(type.getRank() - 1), like,
                                        builder.getI64IntegerAttr(type.getRank() - 1),
                                        builder.getI64IntegerAttr(0));
  Value shape =
      onnx::ConcatOp::create(builder, loc, vector(type.getRank()),
                             ValueRange{leading, integers(builder, loc, {type.getShape().back()})},
                             builder.getI64IntegerAttr(0));
  return onnx::ReshapeOp::create(builder, loc, type, matrix, shape, nullptr);
}
