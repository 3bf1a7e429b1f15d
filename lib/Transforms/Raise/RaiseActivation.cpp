// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GELU and SiLU.

#include "RaiseUtils.h"
#include "qllm/Transforms/Raise/Passes.h"

#include <cmath>

namespace qllm {
#define GEN_PASS_DEF_ONNXRAISEACTIVATION
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

/// The factors of a tree of Mul (and Div by constants), constants gathered into one number.
struct Product {
  double constant = 1;
  SmallVector<Value, 4> factors;
};

void collect(Value value, Product &product, int depth) {
  if (std::optional<double> number = constantScalar(value)) {
    product.constant *= *number;
    return;
  }
  if (auto mul = value.getDefiningOp<onnx::MulOp>(); mul && depth > 0) {
    collect(mul->getOperand(0), product, depth - 1);
    collect(mul->getOperand(1), product, depth - 1);
    return;
  }
  if (auto div = value.getDefiningOp<onnx::DivOp>(); div && depth > 0)
    if (std::optional<double> number = constantScalar(div->getOperand(1)); number && *number != 0) {
      product.constant /= *number;
      collect(div->getOperand(0), product, depth - 1);
      return;
    }
  product.factors.push_back(value);
}

Product productOf(Value value, int depth) {
  Product product;
  collect(value, product, depth);
  return product;
}

bool close(double a, double b) { return std::abs(a - b) <= 1e-5 * std::abs(b); }

/// 1 + f(argument): gives the argument.
template <typename Op> Value onePlus(Value value) {
  Value inner = otherOperand<onnx::AddOp>(value, [](Value v) { return isScalar(v, 1.0); });
  return inner ? operandOf<Op>(inner) : Value();
}

/// erf(x / sqrt(2)) of the given x.
bool isErfArgument(Value value, Value x) {
  Product product = productOf(value, 2);
  return product.factors.size() == 1 && product.factors[0] == x &&
         close(product.constant, std::sqrt(0.5));
}

/// x^3 times a constant.
bool isCube(Value value, Value x, double constant) {
  Product product = productOf(value, 3);
  if (!close(product.constant, constant))
    return false;
  if (product.factors.size() == 1)
    if (auto pow = product.factors[0].getDefiningOp<onnx::PowOp>())
      return pow->getOperand(0) == x && isScalar(pow->getOperand(1), 3.0);
  return product.factors.size() == 3 &&
         llvm::all_of(product.factors, [&](Value v) { return v == x; });
}

/// sqrt(2/pi) * (x + 0.044715 x^3), and sqrt(2/pi) * x * (1 + 0.044715 x^2).
bool isTanhArgument(Value value, Value x) {
  Product product = productOf(value, 2);
  if (!close(product.constant, std::sqrt(2.0 / M_PI)))
    return false;
  if (product.factors.size() == 1) {
    Value cube = otherOperand<onnx::AddOp>(product.factors[0], [&](Value v) { return v == x; });
    return cube && isCube(cube, x, 0.044715);
  }
  return false;
}

/// 0.5 * x * (1 + f(x)), the three factors in any order.
Value raiseGelu(Operation *op) {
  Product product = productOf(op->getResult(0), 2);
  if (product.factors.size() != 2 || !close(product.constant, 0.5))
    return nullptr;
  for (unsigned i : {0u, 1u}) {
    Value x = product.factors[i], bracket = product.factors[1 - i];
    StringRef approximate;
    if (Value argument = onePlus<onnx::ErfOp>(bracket); argument && isErfArgument(argument, x))
      approximate = "none";
    else if (Value argument = onePlus<onnx::TanhOp>(bracket);
             argument && isTanhArgument(argument, x))
      approximate = "tanh";
    else
      continue;
    OpBuilder builder(op);
    return onnx::GeluOp::create(builder, op->getLoc(), op->getResult(0).getType(), x,
                                builder.getStringAttr(approximate));
  }
  return nullptr;
}

/// Sigmoid(x) * x to x * Sigmoid(x), and Swish to the same.
Value canonicalSilu(Operation *op) {
  OpBuilder builder(op);
  if (auto swish = dyn_cast<onnx::SwishOp>(op)) {
    if (swish.getAlpha() && swish.getAlpha()->convertToFloat() != 1.0f)
      return nullptr;
    Value gate =
        onnx::SigmoidOp::create(builder, op->getLoc(), swish.getX().getType(), swish.getX());
    return onnx::MulOp::create(builder, op->getLoc(), op->getResult(0).getType(), swish.getX(),
                               gate);
  }
  auto sigmoid = op->getOperand(0).getDefiningOp<onnx::SigmoidOp>();
  if (!sigmoid || sigmoid.getX() != op->getOperand(1))
    return nullptr;
  return onnx::MulOp::create(builder, op->getLoc(), op->getResult(0).getType(), op->getOperand(1),
                             op->getOperand(0));
}

struct OnnxRaiseActivation : qllm::impl::OnnxRaiseActivationBase<OnnxRaiseActivation> {
  void runOnOperation() override {
    for (Operation *op : operationsOf(getOperation())) {
      if (!isa<onnx::MulOp, onnx::SwishOp, onnx::DivOp>(op) || op->use_empty())
        continue;
      Value raised = isa<onnx::SwishOp>(op) ? Value() : raiseGelu(op);
      if (!raised && !isa<onnx::DivOp>(op))
        raised = canonicalSilu(op);
      if (!raised)
        continue;
      replaceValue(op->getResult(0), raised);
      ++numRaised;
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
