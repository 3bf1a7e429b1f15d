// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Helpers of the raising passes.

#include "RaiseUtils.h"

using namespace mlir;
using namespace qllm;

SmallVector<Operation *> raise::operationsOf(Operation *root) {
  SmallVector<Operation *> all;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (op != root)
      all.push_back(op);
  });
  return all;
}

void raise::eraseDeadOps(Operation *root) {
  // In reverse program order every user comes before what it uses; a value is used only below its
  // definition.
  SmallVector<Operation *> all = operationsOf(root);
  for (Operation *op : llvm::reverse(all))
    if (isOpTriviallyDead(op))
      op->erase();
}

bool raise::mayReplace(Value from, Value to) {
  if (from.getType() == to.getType() && to.getDefiningOp() &&
      !isa<onnx::InitializerOp>(to.getDefiningOp()))
    return true;
  return llvm::none_of(from.getUsers(),
                       [](Operation *user) { return user->hasTrait<OpTrait::IsTerminator>(); });
}

void raise::replaceValue(Value from, Value to) {
  Operation *source = from.getDefiningOp(), *target = to.getDefiningOp();
  if (source && target && target->getNumResults() >= 1 && to == target->getResult(0) &&
      !target->hasAttr("onnx.node_name")) {
    if (Attribute name = source->getAttr("onnx.node_name"))
      target->setAttr("onnx.node_name", name);
    auto names = source->getAttrOfType<ArrayAttr>("onnx.output_names");
    unsigned number = cast<OpResult>(from).getResultNumber();
    if (names && number < names.size() && target->getNumResults() == 1)
      target->setAttr("onnx.output_names", ArrayAttr::get(source->getContext(), names[number]));
  }
  from.replaceAllUsesWith(to);
}

Value raise::makeInts(OpBuilder &builder, Location loc, ArrayRef<int64_t> values) {
  auto type = RankedTensorType::get({static_cast<int64_t>(values.size())}, builder.getI64Type());
  return onnx::ConstantOp::create(builder, loc, type, nullptr, DenseElementsAttr::get(type, values),
                                  nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
}

Value raise::makeInt(OpBuilder &builder, Location loc, int64_t value) {
  auto type = RankedTensorType::get({}, builder.getI64Type());
  return onnx::ConstantOp::create(builder, loc, type, nullptr, DenseElementsAttr::get(type, value),
                                  nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
}

RankedTensorType raise::typeFor(Value like, const SymbolicShape &shape) {
  SmallVector<int64_t> sizes;
  for (SymbolicDim dim : shape)
    sizes.push_back(dim.known && dim.value >= 0 ? dim.value : ShapedType::kDynamic);
  return RankedTensorType::get(sizes, cast<TensorType>(like.getType()).getElementType());
}

Value raise::stripScale(Value value, double &scale) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<onnx::MulOp, onnx::DivOp>(op))
      break;
    std::optional<double> right = foldScalar(op->getOperand(1));
    std::optional<double> left =
        isa<onnx::MulOp>(op) ? foldScalar(op->getOperand(0)) : std::nullopt;
    if (!right && !left)
      break;
    scale = isa<onnx::DivOp>(op) ? scale / *right : scale * (right ? *right : *left);
    value = op->getOperand(right ? 0 : 1);
  }
  return value;
}

Value raise::meanOverLastAxis(Value value, SymbolicShapes &shapes) {
  auto mean = value.getDefiningOp<onnx::ReduceMeanOp>();
  if (!mean || mean.getKeepdims().value_or(1) != 1 || !mean.getAxes())
    return nullptr;
  std::optional<SmallVector<int64_t>> axes = constantInts(mean.getAxes());
  std::optional<SymbolicShape> shape = shapes.shape(mean.getData());
  if (!axes || axes->size() != 1)
    return nullptr;
  bool last =
      axes->front() == -1 || (shape && axes->front() == static_cast<int64_t>(shape->size()) - 1);
  return last ? mean.getData() : Value();
}
