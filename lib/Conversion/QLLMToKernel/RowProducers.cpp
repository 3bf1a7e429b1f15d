// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A gate excludes a norm, and a residual is in front of a norm.

#include "RowProducers.h"

#include "qllm/Kernels/QuantizeKernel.h"

using namespace mlir;
using namespace qllm;

/// Whether an operation reads the value's last axis and nothing else of its shape.
static bool isLastAxis(std::optional<int64_t> axis, Value value) {
  int64_t last = cast<RankedTensorType>(value.getType()).getRank() - 1, given = axis.value_or(-1);
  return given == -1 || given == last;
}

/// Whether rows are so long that their threads have registers for no more.
static bool isLonger(Value rows, int64_t longest) {
  return cast<RankedTensorType>(rows.getType()).getShape().back() > longest;
}

RowProducers::RowProducers(QuantizeOp op, Value x, unsigned readers)
    : input(x), op(op), channels(x), readers(readers) {
  if (!matchGate() && matchNorm())
    matchResidual();
}

/// x * (g * sigmoid(g)), in any order of its factors.
bool RowProducers::matchGate() {
  auto product = input.getDefiningOp<onnx::MulOp>();
  if (!product || !input.hasNUses(readers) ||
      isLonger(input, kernels::QuantizeKernel::longestBeside))
    return false;
  for (auto [silu, other] :
       {std::pair(product.getA(), product.getB()), std::pair(product.getB(), product.getA())}) {
    auto inner = silu.getDefiningOp<onnx::MulOp>();
    if (!inner || !inner->hasOneUse() || other.getType() != input.getType())
      continue;
    for (auto [value, sigmoid] :
         {std::pair(inner.getA(), inner.getB()), std::pair(inner.getB(), inner.getA())}) {
      auto sigma = sigmoid.getDefiningOp<onnx::SigmoidOp>();
      if (!sigma || !sigma->hasOneUse() || sigma.getX() != value ||
          value.getType() != input.getType())
        continue;
      gate = value;
      input = other;
      return true;
    }
  }
  return false;
}

bool RowProducers::matchNorm() {
  Operation *producer = input.getDefiningOp();
  if (!producer || !input.hasNUses(readers) ||
      isLonger(input, kernels::QuantizeKernel::longestNormed))
    return false;
  if (auto rms = dyn_cast<onnx::RMSNormalizationOp>(producer)) {
    if (!isLastAxis(rms.getAxis(), rms.getX()))
      return false;
    setNorm(qk::NormKind::RMS, rms.getX(), rms.getScale(), Value(), rms.getEpsilonAttr());
    return true;
  }
  auto layer = dyn_cast<onnx::LayerNormalizationOp>(producer);
  if (!layer || !isLastAxis(layer.getAxis(), layer.getX()) || layer.getMean() ||
      layer.getInvStdDev())
    return false;
  setNorm(qk::NormKind::Layer, layer.getX(), layer.getScale(), layer.getB(),
          layer.getEpsilonAttr());
  return true;
}

void RowProducers::setNorm(qk::NormKind kind, Value x, Value scale, Value shift, FloatAttr given) {
  norm = kind;
  input = x;
  weight = scale;
  bias = shift;
  // The default of ONNX.
  epsilon = given ? given : Builder(op.getContext()).getF32FloatAttr(1e-5f);
}

/// The stream may be read by others as well, if all of them come later.
void RowProducers::matchResidual() {
  auto add = input.getDefiningOp<onnx::AddOp>();
  if (!add || add.getA().getType() != input.getType() || add.getB().getType() != input.getType())
    return;
  Operation *reader = channels.getDefiningOp();
  for (Operation *user : add->getUsers())
    if (user->getBlock() != op->getBlock() || (user != reader && !op->isBeforeInBlock(user)))
      return;
  stream = add;
  input = add.getA();
  residual = add.getB();
}
