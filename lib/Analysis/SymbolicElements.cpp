// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The integers inside shape computations: Shape, Gather of a Shape, Concat, arithmetic, and the Where(Equal(s, -1), 1, s)
// that tracing exporters write in front of every Expand.

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

std::optional<SymbolicShape> SymbolicShapes::computeElements(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  Operation *op = value.getDefiningOp();
  if (!op || !type || !type.getElementType().isIntOrIndex() || (type.hasRank() && type.getRank() > 1))
    return std::nullopt;
  if (std::optional<SmallVector<int64_t>> numbers = constantInts(value)) {
    SymbolicShape result;
    for (int64_t number : *numbers)
      result.push_back(SymbolicDim::number(number));
    return result;
  }
  if (auto shapeOp = dyn_cast<onnx::ShapeOp>(op)) {
    std::optional<SymbolicShape> dims = shape(op->getOperand(0));
    if (!dims)
      return std::nullopt;
    int64_t start = clampBound(shapeOp.getStart().value_or(0), dims->size());
    int64_t end = clampBound(shapeOp.getEnd().value_or(dims->size()), dims->size());
    return SymbolicShape(ArrayRef(*dims).slice(start, std::max<int64_t>(end - start, 0)));
  }
  if (isa<onnx::IdentityOp, onnx::SqueezeOp, onnx::UnsqueezeOp>(op))
    return elements(op->getOperand(0));
  if (auto cast = dyn_cast<onnx::CastOp>(op)) {
    auto from = dyn_cast<TensorType>(op->getOperand(0).getType());
    // Between i32 and i64 only: sizes fit, and a cast to bool would change values.
    auto wide = [](Type t) { return t.isInteger(32) || t.isInteger(64); };
    if (from && wide(from.getElementType()) && wide(type.getElementType()))
      return elements(op->getOperand(0));
    return std::nullopt;
  }
  if (isa<onnx::ReshapeOp>(op)) {
    // To rank 1 (or 0): the same elements.
    std::optional<SymbolicShape> target = elements(op->getOperand(1));
    return target && target->size() <= 1 ? elements(op->getOperand(0)) : std::nullopt;
  }
  if (auto concat = dyn_cast<onnx::ConcatOp>(op)) {
    SymbolicShape result;
    for (Value operand : op->getOperands()) {
      std::optional<SymbolicShape> part = elements(operand);
      if (!part)
        return std::nullopt;
      result.append(*part);
    }
    return result;
  }
  if (isa<onnx::GatherOp>(op)) {
    std::optional<SymbolicShape> data = elements(op->getOperand(0));
    std::optional<SmallVector<int64_t>> indices = constantInts(op->getOperand(1));
    if (!data || !indices)
      return std::nullopt;
    SymbolicShape result;
    for (int64_t index : *indices) {
      index += index < 0 ? data->size() : 0;
      if (index < 0 || index >= static_cast<int64_t>(data->size()))
        return std::nullopt;
      result.push_back((*data)[index]);
    }
    return result;
  }
  if (auto slice = dyn_cast<onnx::SliceOp>(op)) {
    std::optional<SymbolicShape> data = elements(slice.getData());
    std::optional<SmallVector<int64_t>> starts = constantInts(slice.getStarts()), ends = constantInts(slice.getEnds());
    bool unitStep = !slice.getSteps() || (constantInts(slice.getSteps()) && constantInts(slice.getSteps())->front() == 1);
    if (!data || !starts || !ends || starts->size() != 1 || ends->size() != 1 || !unitStep)
      return std::nullopt;
    int64_t start = clampBound(starts->front(), data->size()), end = clampBound(ends->front(), data->size());
    return SymbolicShape(ArrayRef(*data).slice(start, std::max<int64_t>(end - start, 0)));
  }
  if (auto filled = dyn_cast<onnx::ConstantOfShapeOp>(op)) {
    std::optional<SymbolicShape> length = elements(op->getOperand(0));
    auto element = dyn_cast_or_null<DenseElementsAttr>(filled.getValueAttr());
    if (!length || length->size() != 1 || !(*length)[0].known || (*length)[0].value < 0 ||
        (*length)[0].value > static_cast<int64_t>(longestShape) || !element || element.getNumElements() != 1 ||
        !element.getElementType().isIntOrIndex())
      return std::nullopt;
    int64_t number = (*element.getValues<APInt>().begin()).getSExtValue();
    return SymbolicShape((*length)[0].value, SymbolicDim::number(number));
  }
  // Elementwise, with a scalar or one-element operand spread over the other.
  SmallVector<SymbolicShape, 3> operands;
  size_t length = 1;
  if (!arithmetic(op) && !isa<onnx::EqualOp, onnx::WhereOp>(op))
    return std::nullopt;
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
    if (isa<onnx::WhereOp>(op)) {
      if (!at[0].known)
        return std::nullopt;
      result.push_back(at[0].value ? at[1] : at[2]);
    } else if (isa<onnx::EqualOp>(op)) {
      // Two different symbols may be equal at run time; a size never equals a negative number.
      bool decided = (at[0].known && at[1].known) || at[0] == at[1] || isSize(at[0]) != isSize(at[1]);
      bool negative = (at[0].known && at[0].value < 0) || (at[1].known && at[1].value < 0);
      if (!decided || (!(at[0].known && at[1].known) && at[0] != at[1] && !negative))
        return std::nullopt;
      result.push_back(SymbolicDim::number(at[0] == at[1]));
    } else {
      result.push_back(combine(arithmetic(op), at[0], at[1]));
    }
  }
  return result;
}
