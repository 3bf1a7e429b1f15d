// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Names, constants and result types of new nodes.

#include "GraphBuilder.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

/// Adds `name` to `taken`, with a number behind it when it is there already, and returns what was
/// added.
static std::string insertUnique(llvm::StringSet<> &taken, const Twine &name) {
  std::string unique = name.str();
  for (unsigned i = 1; !taken.insert(unique).second; ++i)
    unique = (name + "_" + Twine(i)).str();
  return unique;
}

GraphBuilder::GraphBuilder(Operation *root)
    : builder(root->getContext()), location(root->getLoc()) {
  // Parts of packed weights leave together with their names.
  auto isPack = [](Operation *user) { return isa<PackOp>(user); };
  root->walk([&](onnx::InitializerOp op) {
    if (op->use_empty() || !llvm::all_of(op->getUsers(), isPack))
      names.insert(op.getName());
  });
  root->walk([&](Operation *op) {
    if (auto node = dyn_cast_if_present<StringAttr>(op->getDiscardableAttr("onnx.node_name")))
      nodeNames.insert(node.getValue());
  });
}

void GraphBuilder::setSite(Operation *op) {
  builder.setInsertionPoint(op);
  location = op->getLoc();
  siteName = qllm::siteName(op);
  // Constants are shared within the outermost graph that holds the site.
  Block *block = op->getBlock();
  while (Operation *parent = block->getParentOp()) {
    if (!parent->getBlock() || parent->hasTrait<OpTrait::IsIsolatedFromAbove>())
      break;
    block = parent->getBlock();
  }
  if (entry != block)
    constants.clear();
  entry = block;
}

Value GraphBuilder::insert(OperationState &state, StringRef role) {
  Operation *op = builder.create(state);
  op->setDiscardableAttr("onnx.node_name",
                         builder.getStringAttr(insertUnique(nodeNames, siteName + "/" + role)));
  return op->getResult(0);
}

Type GraphBuilder::broadcast(Type a, Type b) {
  auto left = cast<RankedTensorType>(a), right = cast<RankedTensorType>(b);
  if (left.getRank() < right.getRank())
    std::swap(left, right);
  SmallVector<int64_t> shape(left.getShape());
  for (int64_t i = 0; i < right.getRank(); ++i) {
    int64_t &size = shape[shape.size() - 1 - i];
    int64_t other = right.getDimSize(right.getRank() - 1 - i);
    if (size == 1 || (ShapedType::isDynamic(size) && other != 1))
      size = other;
  }
  return RankedTensorType::get(shape, left.getElementType());
}

Value GraphBuilder::constant(DenseElementsAttr data) {
  Value &result = constants[data];
  if (!result) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(entry);
    result = initializer("constant", data);
  }
  return result;
}

Value GraphBuilder::scalar(float value) {
  return constant(DenseElementsAttr::get(RankedTensorType::get({}, builder.getF32Type()), value));
}

Value GraphBuilder::integers(ArrayRef<int64_t> values) {
  int64_t size = values.size();
  return constant(
      DenseElementsAttr::get(RankedTensorType::get(size, builder.getI64Type()), values));
}

Value GraphBuilder::floats(ArrayRef<float> values) {
  int64_t size = values.size();
  return constant(
      DenseElementsAttr::get(RankedTensorType::get(size, builder.getF32Type()), values));
}

Value GraphBuilder::matrix(ArrayRef<float> values, int64_t columns) {
  int64_t rows = static_cast<int64_t>(values.size()) / columns;
  return constant(
      DenseElementsAttr::get(RankedTensorType::get({rows, columns}, builder.getF32Type()), values));
}

Value GraphBuilder::initializer(StringRef name, TypedAttr value) {
  return onnx::InitializerOp::create(builder, location, value.getType(),
                                     builder.getStringAttr(insertUnique(names, name)), value);
}

NamedAttribute GraphBuilder::attribute(StringRef name, int64_t value) {
  return builder.getNamedAttr(name, builder.getI64IntegerAttr(value));
}
