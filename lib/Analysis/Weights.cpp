// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Walks from readers to the constants they read.

#include "qllm/Analysis/Weights.h"

#include "qllm/Analysis/MatrixProducts.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

ConstantView qllm::viewConstant(Value value) {
  ConstantView view;
  while (Operation *op = value.getDefiningOp()) {
    if (constantData(value)) {
      view.source = value;
      return view;
    }
    if (auto transpose = dyn_cast<onnx::TransposeOp>(op)) {
      auto type = dyn_cast<RankedTensorType>(transpose.getData().getType());
      if (!type || type.getRank() != 2)
        return {};
      // Without a permutation ONNX reverses the axes, which for two is the swap.
      std::optional<ArrayRef<int64_t>> permutation = transpose.getPerm();
      if (!permutation || (permutation->size() == 2 && permutation->front() == 1))
        view.transposed = !view.transposed;
      value = transpose.getData();
      continue;
    }
    if (!isa<onnx::IdentityOp>(op))
      return {};
    value = op->getOperand(0);
  }
  return {};
}

TypedAttr qllm::constantData(Value source) {
  Operation *op = source.getDefiningOp();
  if (auto initializer = dyn_cast_if_present<onnx::InitializerOp>(op))
    return initializer.getValue();
  if (auto constant = dyn_cast_if_present<onnx::ConstantOp>(op))
    return dyn_cast_if_present<TypedAttr>(constant.getValueAttr());
  return {};
}

bool qllm::isConstantExpression(Value value) {
  SmallVector<Value> worklist{value};
  // Expressions made by exporters and by folded transforms are short; a long one is treated as
  // computed.
  for (unsigned steps = 0; !worklist.empty(); ++steps) {
    Operation *op = worklist.pop_back_val().getDefiningOp();
    if (!op || op->getNumRegions() || steps == 256 || isa<onnx::CustomOp>(op))
      return false;
    llvm::append_range(worklist, op->getOperands());
  }
  return true;
}

bool qllm::sharesTable(Value weight, Operation *reader) {
  ConstantView view = viewConstant(weight);
  SmallVector<Value> views{view ? view.source : weight};
  while (!views.empty())
    for (Operation *user : views.pop_back_val().getUsers()) {
      if (isa<onnx::TransposeOp, onnx::IdentityOp>(user))
        views.push_back(user->getResult(0));
      else if (user != reader)
        return true;
    }
  return false;
}

StringRef qllm::weightName(Value source) {
  // A packed weight is known by the name of the float one it was made of.
  if (auto pack = source ? source.getDefiningOp<PackOp>() : PackOp()) {
    StringRef name = weightName(viewConstant(pack.getCodes()).source);
    name.consume_back("_codes");
    return name;
  }
  auto initializer = source ? source.getDefiningOp<onnx::InitializerOp>() : onnx::InitializerOp();
  return initializer ? initializer.getName() : StringRef();
}

SmallVector<std::string> qllm::siteNames(Operation *op) {
  SmallVector<std::string> names;
  auto add = [&](const Twine &name) {
    std::string text = name.str();
    if (!text.empty() && !llvm::is_contained(names, text))
      names.push_back(text);
  };
  if (auto readable = op->getDiscardableAttr(readableNameAttr))
    if (auto name = dyn_cast<StringAttr>(readable))
      add(name.getValue());
  if (auto node = op->getDiscardableAttr("onnx.node_name"))
    if (auto name = dyn_cast<StringAttr>(node))
      add(name.getValue());
  if (auto outputs = dyn_cast_if_present<ArrayAttr>(op->getDiscardableAttr("onnx.output_names")))
    for (auto name : outputs.getAsRange<StringAttr>())
      add(name.getValue());
  // What a pass put in has no name of its own: a packed weight has its float one's, a quantized
  // value its producer's.
  if (isa<PackOp>(op))
    add(weightName(op->getResult(0)));
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    if (Operation *producer = quantize.getInput().getDefiningOp())
      add(siteName(producer) + "/quantize");
  for (Value operand : op->getOperands()) {
    ConstantView view = viewConstant(operand);
    add(weightName(view ? view.source : operand));
  }
  return names;
}

std::string qllm::siteName(Operation *op) {
  SmallVector<std::string> names = siteNames(op);
  return names.empty() ? op->getName().getStringRef().str() : names.front();
}
