// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Affine operations only: what is done in front of them can be undone behind them.

#include "QuantizerPaths.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Adds a constant to a value of its own shape.
bool addsConstant(OpOperand &use) {
  Operation *op = use.getOwner();
  return isa<onnx::AddOp>(op) && op->getResult(0).getType() == use.get().getType() &&
         isConstantExpression(op->getOperand(1 - use.getOperandNumber()));
}

/// Multiplies by a constant, or divides by one.
bool scalesByConstant(OpOperand &use) {
  Operation *op = use.getOwner();
  if (!isa<onnx::MulOp, onnx::DivOp>(op) || op->getResult(0).getType() != use.get().getType())
    return false;
  unsigned other = 1 - use.getOperandNumber();
  return (isa<onnx::MulOp>(op) || other == 1) && isConstantExpression(op->getOperand(other));
}

/// Operations that are affine in the value that is followed.
bool isAffineStep(OpOperand &use) {
  if (addsConstant(use) || scalesByConstant(use))
    return true;
  return use.getOperandNumber() == 0 &&
         isa<onnx::ReshapeOp, onnx::TransposeOp, onnx::UnsqueezeOp, onnx::SqueezeOp,
             onnx::IdentityOp, onnx::SplitOp, onnx::SliceOp, onnx::RotaryEmbeddingOp,
             RotateChannelsOp, PermuteChannelsOp, ScaleChannelsOp>(use.getOwner());
}

void follow(Value value, SmallVectorImpl<OpResult> &steps, SmallVectorImpl<QuantizerPath> &paths) {
  for (OpOperand &use : value.getUses()) {
    if (auto quantizer = dyn_cast<QuantizeOp>(use.getOwner())) {
      if (quantizer.isDynamic() && use.getOperandNumber() == 0)
        paths.push_back({SmallVector<OpResult>(steps.begin(), steps.end()), quantizer});
      continue;
    }
    if (!isAffineStep(use))
      continue;
    for (OpResult result : use.getOwner()->getResults()) {
      steps.push_back(result);
      follow(result, steps, paths);
      steps.pop_back();
    }
  }
}

} // namespace

DequantizeOp QuantizerPath::dequantized() const {
  Value codes = QuantizeOp(quantizer).getResult();
  return codes.hasOneUse() ? dyn_cast<DequantizeOp>(*codes.user_begin()) : DequantizeOp();
}

SmallVector<QuantizerPath> qllm::findQuantizers(Value produced) {
  SmallVector<OpResult> steps;
  SmallVector<QuantizerPath> paths;
  follow(produced, steps, paths);
  return paths;
}
