// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The integers inside shape computations: Shape, Gather of a Shape, Concat, arithmetic, and the
// Where(Equal(s, -1), 1, s) that tracing exporters write in front of every Expand.

#include "qllm/Analysis/Constants.h"
#include "qllm/Analysis/SymbolicShapes.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Longer vectors are data, not shapes.
constexpr size_t longestShape = 64;

/// Clamps a Slice bound as ONNX does for a positive step.
int64_t clampBound(int64_t bound, int64_t size) {
  if (bound < 0)
    bound += size;
  return std::min(std::max<int64_t>(bound, 0), size);
}

char arithmetic(Operation *op) {
  if (isa<onnx::AddOp>(op))
    return '+';
  if (isa<onnx::SubOp>(op))
    return '-';
  if (isa<onnx::MulOp>(op))
    return '*';
  return isa<onnx::DivOp>(op) ? '/' : 0;
}

} // namespace

std::optional<SymbolicShape> SymbolicShapes::elements(Value value) {
  if (auto it = elementsOf.find(value); it != elementsOf.end())
    return it->second;
  std::optional<SymbolicShape> result = computeElements(value);
  if (result && result->size() > longestShape)
    result = std::nullopt;
  return elementsOf[value] = result;
}

std::optional<SymbolicShape> SymbolicShapes::elementsOfPart(Operation *op) {
  std::optional<SymbolicShape> data = elements(op->getOperand(0));
  if (!data)
    return std::nullopt;
  int64_t size = data->size();
  if (isa<onnx::GatherOp>(op)) {
    std::optional<SmallVector<int64_t>> indices = constantInts(op->getOperand(1));
    if (!indices)
      return std::nullopt;
    SymbolicShape result;
    for (int64_t index : *indices) {
      index += index < 0 ? size : 0;
      if (index < 0 || index >= size)
        return std::nullopt;
      result.push_back((*data)[index]);
    }
    return result;
  }
  auto slice = cast<onnx::SliceOp>(op);
  std::optional<SmallVector<int64_t>> starts = constantInts(slice.getStarts()),
                                      ends = constantInts(slice.getEnds());
  std::optional<SmallVector<int64_t>> steps = SmallVector<int64_t>{1};
  if (slice.getSteps())
    steps = constantInts(slice.getSteps());
  bool single =
      starts && ends && steps && starts->size() == 1 && ends->size() == 1 && steps->size() == 1;
  if (!single || steps->front() != 1)
    return std::nullopt;
  int64_t start = clampBound(starts->front(), size), end = clampBound(ends->front(), size);
  return SymbolicShape(ArrayRef(*data).slice(start, std::max<int64_t>(end - start, 0)));
}

std::optional<SymbolicShape> SymbolicShapes::elementsOfFill(onnx::ConstantOfShapeOp op) {
  std::optional<SymbolicShape> length = elements(op.getInput());
  auto element = dyn_cast_or_null<DenseElementsAttr>(op.getValueAttr());
  bool counted = length && length->size() == 1 && (*length)[0].known && (*length)[0].value >= 0 &&
                 (*length)[0].value <= static_cast<int64_t>(longestShape);
  if (!counted || !element || element.getNumElements() != 1 ||
      !element.getElementType().isIntOrIndex())
    return std::nullopt;
  int64_t number = (*element.getValues<APInt>().begin()).getSExtValue();
  return SymbolicShape((*length)[0].value, SymbolicDim::number(number));
}

/// One element of an Add, Sub, Mul, Div, Equal or Where.
std::optional<SymbolicDim> SymbolicShapes::elementOf(Operation *op, ArrayRef<SymbolicDim> at) {
  if (isa<onnx::WhereOp>(op))
    return at[0].known ? std::optional(at[0].value ? at[1] : at[2]) : std::nullopt;
  if (!isa<onnx::EqualOp>(op))
    return combine(arithmetic(op), at[0], at[1]);
  if ((at[0].known && at[1].known) || at[0] == at[1])
    return SymbolicDim::number(at[0] == at[1]);
  // Two different symbols may be equal at run time; a size never equals a negative number.
  for (unsigned i : {0u, 1u})
    if (at[i].known && at[i].value < 0 && isSize(at[1 - i]))
      return SymbolicDim::number(0);
  return std::nullopt;
}

/// Elementwise, with a scalar or one-element operand spread over the other.
std::optional<SymbolicShape> SymbolicShapes::elementsOfArithmetic(Operation *op) {
  SmallVector<SymbolicShape, 3> operands;
  size_t length = 1;
  for (Value operand : op->getOperands()) {
    std::optional<SymbolicShape> part = elements(operand);
    if (!part || part->empty())
      return std::nullopt;
    length = std::max(length, part->size());
    operands.push_back(*part);
  }
  SymbolicShape result;
  for (size_t i = 0; i < length; ++i) {
    SmallVector<SymbolicDim, 3> at;
    for (const SymbolicShape &operand : operands) {
      if (operand.size() != 1 && operand.size() != length)
        return std::nullopt;
      at.push_back(operand[operand.size() == 1 ? 0 : i]);
    }
    std::optional<SymbolicDim> element = elementOf(op, at);
    if (!element)
      return std::nullopt;
    result.push_back(*element);
  }
  return result;
}

/// The same elements, one to one.
std::optional<SymbolicShape> SymbolicShapes::elementsOfView(Operation *op) {
  if (isa<onnx::ReshapeOp>(op)) {
    std::optional<SymbolicShape> target = elements(op->getOperand(1));
    if (!target || target->size() > 1)
      return std::nullopt;
  } else if (isa<onnx::CastOp>(op)) {
    // Between i32 and i64 only: sizes fit, and a cast to bool would change values.
    for (Value end : {op->getOperand(0), Value(op->getResult(0))}) {
      auto type = dyn_cast<TensorType>(end.getType());
      if (!type || !(type.getElementType().isInteger(32) || type.getElementType().isInteger(64)))
        return std::nullopt;
    }
  }
  return elements(op->getOperand(0));
}

std::optional<SymbolicShape> SymbolicShapes::computeElements(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  bool isVector =
      type && type.getElementType().isIntOrIndex() && !(type.hasRank() && type.getRank() > 1);
  if (!op || !isVector)
    return std::nullopt;
  if (std::optional<SmallVector<int64_t>> numbers = constantInts(value)) {
    SymbolicShape result;
    for (int64_t number : *numbers)
      result.push_back(SymbolicDim::number(number));
    return result;
  }
  if (auto shapeOp = dyn_cast<onnx::ShapeOp>(op)) {
    std::optional<SymbolicShape> dims = shape(shapeOp.getData());
    if (!dims)
      return std::nullopt;
    int64_t start = clampBound(shapeOp.getStart().value_or(0), dims->size());
    int64_t end = clampBound(shapeOp.getEnd().value_or(dims->size()), dims->size());
    return SymbolicShape(ArrayRef(*dims).slice(start, std::max<int64_t>(end - start, 0)));
  }
  if (isa<onnx::ConcatOp>(op)) {
    SymbolicShape result;
    for (Value operand : op->getOperands()) {
      std::optional<SymbolicShape> part = elements(operand);
      if (!part)
        return std::nullopt;
      result.append(*part);
    }
    return result;
  }
  if (isa<onnx::IdentityOp, onnx::SqueezeOp, onnx::UnsqueezeOp, onnx::ReshapeOp, onnx::CastOp>(op))
    return elementsOfView(op);
  if (isa<onnx::GatherOp, onnx::SliceOp>(op))
    return elementsOfPart(op);
  if (auto filled = dyn_cast<onnx::ConstantOfShapeOp>(op))
    return elementsOfFill(filled);
  if (arithmetic(op) || isa<onnx::EqualOp, onnx::WhereOp>(op))
    return elementsOfArithmetic(op);
  return std::nullopt;
}
