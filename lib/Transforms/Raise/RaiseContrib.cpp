// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators of com.microsoft with a standard equivalent. GroupQueryAttention has its own file.

#include "RaiseContrib.h"
#include "RaiseUtils.h"
#include "qllm/Transforms/Raise/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_ONNXRAISECONTRIB
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

bool isUsed(Value value) { return value && !value.use_empty(); }

bool raiseOp(onnx::MicrosoftSimplifiedLayerNormalizationOp op, std::string &reason) {
  if (isUsed(op.getInvStdVar())) {
    reason = "the inverse deviation is used";
    return false;
  }
  OpBuilder builder(op);
  Value norm = onnx::RMSNormalizationOp::create(builder, op.getLoc(), op.getY().getType(),
                                                op.getX(), op.getScale(), op.getAxisAttr(),
                                                op.getEpsilonAttr(), op.getStashTypeAttr());
  replaceValue(op.getY(), norm);
  return true;
}

/// input + skip (+ bias), as the operator adds them.
Value sumOf(OpBuilder &builder, Location loc, Type type, Value input, Value skip, Value bias) {
  Value sum = onnx::AddOp::create(builder, loc, type, input, skip);
  return bias ? onnx::AddOp::create(builder, loc, type, sum, bias).getResult() : sum;
}

template <typename Op>
bool raiseSkip(Op op, Value bias, std::string &reason,
               llvm::function_ref<Value(OpBuilder &, Value)> norm) {
  if (isUsed(op.getMean()) || isUsed(op.getInvStdVar())) {
    reason = "the mean or the inverse deviation is used";
    return false;
  }
  OpBuilder builder(op);
  Value sum =
      sumOf(builder, op.getLoc(), op.getInput().getType(), op.getInput(), op.getSkip(), bias);
  Value normalized = norm(builder, sum);
  if (op.getInputSkipBiasSum())
    op.getInputSkipBiasSum().replaceAllUsesWith(sum);
  replaceValue(op.getY(), normalized);
  return true;
}

bool raiseOp(onnx::MicrosoftSkipSimplifiedLayerNormalizationOp op, std::string &reason) {
  return raiseSkip(op, op.getBias(), reason, [&](OpBuilder &builder, Value sum) -> Value {
    return onnx::RMSNormalizationOp::create(builder, op.getLoc(), op.getY().getType(), sum,
                                            op.getGamma(), builder.getI64IntegerAttr(-1),
                                            op.getEpsilonAttr(), nullptr);
  });
}

bool raiseOp(onnx::MicrosoftSkipLayerNormalizationOp op, std::string &reason) {
  return raiseSkip(op, op.getBias(), reason, [&](OpBuilder &builder, Value sum) -> Value {
    return onnx::LayerNormalizationOp::create(
               builder, op.getLoc(), op.getY().getType(), Type(), Type(), sum, op.getGamma(),
               op.getBeta(), builder.getI64IntegerAttr(-1), op.getEpsilonAttr(), nullptr)
        .getY();
  });
}

bool raiseOp(onnx::MicrosoftRotaryEmbeddingOp op, std::string &reason) {
  auto positions = dyn_cast<RankedTensorType>(op.getPositionIds().getType());
  auto input = dyn_cast<RankedTensorType>(op.getInput().getType());
  if (!positions || positions.getRank() != 2 || !positions.getElementType().isInteger(64))
    reason = "the positions are not one for each token";
  else if (op.getIsPackedBatching().value_or(0) != 0)
    reason = "batches are packed";
  else if (op.getScale() && op.getScale()->convertToFloat() != 1.0f)
    reason = "the scale is not 1";
  else if (!input || (input.getRank() == 3 && op.getNumHeads().value_or(0) == 0))
    reason = "the number of heads is not given";
  if (!reason.empty())
    return false;
  OpBuilder builder(op);
  Value rotated = onnx::RotaryEmbeddingOp::create(
      builder, op.getLoc(), op.getY().getType(), op.getInput(), op.getCosCache(), op.getSinCache(),
      op.getPositionIds(), op.getInterleavedAttr(),
      input.getRank() == 3 ? op.getNumHeadsAttr() : nullptr, op.getRotaryEmbeddingDimAttr());
  replaceValue(op.getY(), rotated);
  return true;
}

bool raiseGelu(Operation *op, Value bias, StringRef approximate) {
  OpBuilder builder(op);
  Value x = op->getOperand(0);
  Type type = op->getResult(0).getType();
  if (bias)
    x = onnx::AddOp::create(builder, op->getLoc(), type, x, bias);
  Value gelu =
      onnx::GeluOp::create(builder, op->getLoc(), type, x, builder.getStringAttr(approximate));
  replaceValue(op->getResult(0), gelu);
  return true;
}

bool raiseOp(onnx::MicrosoftQuickGeluOp op, std::string &reason) {
  // The operator's default is 1.702, which has no standard equivalent.
  if (!op.getAlpha() || op.getAlpha()->convertToFloat() != 1.0f) {
    reason = "alpha is not 1";
    return false;
  }
  OpBuilder builder(op);
  Value gate = onnx::SigmoidOp::create(builder, op.getLoc(), op.getX().getType(), op.getX());
  Value silu = onnx::MulOp::create(builder, op.getLoc(), op.getY().getType(), op.getX(), gate);
  replaceValue(op.getY(), silu);
  return true;
}

bool raiseAny(Operation *op, GroupQueryAttention &groups, std::string &reason) {
  if (auto norm = dyn_cast<onnx::MicrosoftSimplifiedLayerNormalizationOp>(op))
    return raiseOp(norm, reason);
  if (auto norm = dyn_cast<onnx::MicrosoftSkipSimplifiedLayerNormalizationOp>(op))
    return raiseOp(norm, reason);
  if (auto norm = dyn_cast<onnx::MicrosoftSkipLayerNormalizationOp>(op))
    return raiseOp(norm, reason);
  if (auto rotary = dyn_cast<onnx::MicrosoftRotaryEmbeddingOp>(op))
    return raiseOp(rotary, reason);
  if (auto gelu = dyn_cast<onnx::MicrosoftQuickGeluOp>(op))
    return raiseOp(gelu, reason);
  if (isa<onnx::MicrosoftGeluOp>(op))
    return raiseGelu(op, nullptr, "none");
  if (auto gelu = dyn_cast<onnx::MicrosoftBiasGeluOp>(op))
    return raiseGelu(op, gelu.getB(), "none");
  if (auto gelu = dyn_cast<onnx::MicrosoftFastGeluOp>(op))
    return raiseGelu(op, gelu.getBias(), "tanh");
  if (auto attention = dyn_cast<onnx::MicrosoftGroupQueryAttentionOp>(op))
    return groups.raise(attention, reason);
  if (isa<onnx::MicrosoftMultiHeadAttentionOp, onnx::MicrosoftFusedMatMulOp>(op))
    reason = "no rule for this operator";
  return false;
}

struct OnnxRaiseContrib : qllm::impl::OnnxRaiseContribBase<OnnxRaiseContrib> {
  void runOnOperation() override {
    GroupQueryAttention groups(getOperation());
    for (Operation *op : operationsOf(getOperation())) {
      std::string reason;
      if (raiseAny(op, groups, reason)) {
        ++numRaised;
      } else if (!reason.empty()) {
        ++numSkipped;
        op->emitRemark("not raised: ") << reason;
      }
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
