// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of two computed values of one type join a stream; a layer's bias is a constant and does not.

#include "ResidualStream.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

static bool joins(Operation *op) {
  auto add = dyn_cast_or_null<onnx::AddOp>(op);
  if (!add)
    return false;
  Type type = add.getResult().getType();
  return llvm::all_of(add->getOperands(), [&](Value operand) {
    return operand.getType() == type && !isConstantExpression(operand);
  });
}

static ResidualStream streamOf(Value value) {
  ResidualStream stream;
  stream.values.insert(value);
  for (size_t i = 0; i < stream.values.size(); ++i) {
    Value current = stream.values[i];
    if (joins(current.getDefiningOp()))
      stream.values.insert_range(current.getDefiningOp()->getOperands());
    else
      stream.writers.push_back(current);
    for (OpOperand &use : current.getUses()) {
      if (joins(use.getOwner()))
        stream.values.insert(use.getOwner()->getResult(0));
      else if (!isa<onnx::ShapeOp>(use.getOwner()))
        stream.readers.push_back(&use);
    }
  }
  return stream;
}

int64_t ResidualStream::channels() const {
  auto type = dyn_cast<RankedTensorType>(values.front().getType());
  return type && type.getRank() >= 1 ? type.getShape().back() : ShapedType::kDynamic;
}

bool ResidualStream::hasLayerNorm() const {
  return llvm::any_of(
      readers, [](OpOperand *use) { return isa<onnx::LayerNormalizationOp>(use->getOwner()); });
}

std::vector<ResidualStream> qllm::findResidualStreams(Operation *root) {
  std::vector<ResidualStream> streams;
  root->walk([&](Operation *op) {
    if (!isa<onnx::RMSNormalizationOp, onnx::LayerNormalizationOp>(op))
      return;
    Value input = op->getOperand(0);
    if (llvm::none_of(streams,
                      [&](const ResidualStream &known) { return known.values.contains(input); }))
      streams.push_back(streamOf(input));
  });
  return streams;
}
