// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes and element types of operands.

#include "OperandTypes.h"

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace qllm;

LogicalResult qk::verifyType(Operation *op, StringRef name, Value value, ArrayRef<int64_t> shape,
                             Type elementType) {
  auto found = cast<RankedTensorType>(value.getType());
  if (found.getElementType() == elementType &&
      succeeded(verifyCompatibleShape(found.getShape(), shape)))
    return success();
  return op->emitOpError() << "expected " << name << " of type "
                           << RankedTensorType::get(shape, elementType) << ", but got " << found;
}

ArrayRef<int64_t> qk::shapeOf(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getShape();
}

Type qk::withoutRows(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[0] = ShapedType::kDynamic;
  return tensor.clone(shape);
}
