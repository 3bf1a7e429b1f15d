// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// RMS and layer normalization.

#include "RaiseUtils.h"
#include "qllm/Transforms/Raise/Passes.h"

namespace qllm {
#define GEN_PASS_DEF_ONNXRAISENORM
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

/// What `value` is the square of, or null.
Value squareOf(Value value) {
  if (auto pow = value.getDefiningOp<onnx::PowOp>())
    return isScalar(pow->getOperand(1), 2.0) ? pow->getOperand(0) : Value();
  auto mul = value.getDefiningOp<onnx::MulOp>();
  return mul && mul->getOperand(0) == mul->getOperand(1) ? mul->getOperand(0) : Value();
}

/// mean(x^2) + epsilon over the last axis; gives x.
Value meanSquarePlusEpsilon(Value value, double &epsilon, SymbolicShapes &shapes) {
  std::optional<double> constant;
  Value mean = otherOperand<onnx::AddOp>(value, [&](Value v) {
    constant = constantScalar(v);
    return constant.has_value();
  });
  if (!mean || *constant < 0)
    return nullptr;
  Value square = meanOverLastAxis(mean, shapes);
  epsilon = *constant;
  return square ? squareOf(square) : Value();
}

/// What `value` is the reciprocal root of.
Value reciprocalRootOf(Value value) {
  if (Value root = operandOf<onnx::ReciprocalOp>(value))
    return operandOf<onnx::SqrtOp>(root);
  if (auto div = value.getDefiningOp<onnx::DivOp>())
    return isScalar(div->getOperand(0), 1.0) ? operandOf<onnx::SqrtOp>(div->getOperand(1))
                                             : Value();
  auto pow = value.getDefiningOp<onnx::PowOp>();
  return pow && isScalar(pow->getOperand(1), -0.5) ? pow->getOperand(0) : Value();
}

/// x / sqrt(mean(x^2) + epsilon); gives x.
Value normalized(Value value, double &epsilon, SymbolicShapes &shapes) {
  if (auto div = value.getDefiningOp<onnx::DivOp>()) {
    Value root = operandOf<onnx::SqrtOp>(div->getOperand(1));
    Value x = root ? meanSquarePlusEpsilon(root, epsilon, shapes) : Value();
    return x && x == div->getOperand(0) ? x : Value();
  }
  Value found;
  Value x = otherOperand<onnx::MulOp>(value, [&](Value v) {
    Value inside = reciprocalRootOf(v);
    found = inside ? meanSquarePlusEpsilon(inside, epsilon, shapes) : Value();
    return static_cast<bool>(found);
  });
  return x && x == found ? x : Value();
}

/// x - mean(x); gives x.
Value centred(Value value, SymbolicShapes &shapes) {
  auto sub = value.getDefiningOp<onnx::SubOp>();
  if (!sub)
    return nullptr;
  Value mean = meanOverLastAxis(sub->getOperand(1), shapes);
  return mean && mean == sub->getOperand(0) ? mean : Value();
}

/// A vector with one element for each along the last axis of `x`.
bool isVectorFor(Value gain, Value x, SymbolicShapes &shapes) {
  std::optional<SymbolicShape> shape = shapes.shape(gain);
  std::optional<SymbolicDim> size = shapes.dim(x, -1);
  return shape && size && shape->size() == 1 && shapes.equal((*shape)[0], *size);
}

struct Normalization {
  Value x, gain, bias;
  double epsilon = 0;
  bool centred = false;
};

/// gain * normalized(...), with the gain as either operand.
std::optional<Normalization> scaled(Value value, SymbolicShapes &shapes) {
  Normalization match;
  Value inner;
  match.gain = otherOperand<onnx::MulOp>(value, [&](Value v) {
    inner = normalized(v, match.epsilon, shapes);
    return static_cast<bool>(inner);
  });
  if (!match.gain || !isVectorFor(match.gain, inner, shapes))
    return std::nullopt;
  match.x = inner;
  if (Value x = centred(inner, shapes)) {
    match.centred = true;
    match.x = x;
  }
  return match;
}

Value raiseNorm(Operation *op, SymbolicShapes &shapes) {
  Value root = op->getResult(0);
  std::optional<Normalization> match;
  if (isa<onnx::AddOp>(op)) {
    // Only a centred normalization has a bias; RMS norm followed by a residual Add is found at its
    // Mul.
    Value bias = otherOperand<onnx::AddOp>(root, [&](Value v) {
      match = scaled(v, shapes);
      return match && match->centred;
    });
    if (!bias || !match || !isVectorFor(bias, match->x, shapes))
      return nullptr;
    match->bias = bias;
  } else if (isa<onnx::MulOp>(op)) {
    match = scaled(root, shapes);
  }
  if (!match)
    return nullptr;
  OpBuilder builder(op);
  auto axis = builder.getI64IntegerAttr(-1);
  auto epsilon = builder.getF32FloatAttr(match->epsilon);
  if (!match->centred)
    return onnx::RMSNormalizationOp::create(builder, op->getLoc(), root.getType(), match->x,
                                            match->gain, axis, epsilon, nullptr);
  return onnx::LayerNormalizationOp::create(builder, op->getLoc(), root.getType(), Type(), Type(),
                                            match->x, match->gain, match->bias, axis, epsilon,
                                            nullptr)
      .getY();
}

struct OnnxRaiseNorm : qllm::impl::OnnxRaiseNormBase<OnnxRaiseNorm> {
  void runOnOperation() override {
    SymbolicShapes shapes(getOperation());
    // From the end: a bias must be seen before the gain it follows is taken alone.
    SmallVector<Operation *> all = operationsOf(getOperation());
    for (Operation *op : llvm::reverse(all)) {
      if (!isa<onnx::AddOp, onnx::MulOp>(op) || op->use_empty())
        continue;
      if (Value norm = raiseNorm(op, shapes)) {
        replaceValue(op->getResult(0), norm);
        ++numRaised;
      }
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
