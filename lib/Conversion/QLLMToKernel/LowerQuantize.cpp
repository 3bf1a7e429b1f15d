// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm.quantize to qk.quantize: looks backwards from the tensor that is quantized.

#include "LowerQuantize.h"

#include "RowMatrix.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

RankedTensorType typeOf(Value value) { return dyn_cast<RankedTensorType>(value.getType()); }

/// Whether an operation reads the value's last axis and nothing else of its shape.
bool isLastAxis(std::optional<int64_t> axis, Value value) {
  int64_t last = typeOf(value).getRank() - 1, given = axis.value_or(-1);
  return given == -1 || given == last;
}

/// The operands of the kernel, found step by step.
class Producers {
public:
  explicit Producers(QuantizeOp op) : op(op), input(op.getInput()) {
    if (!matchGate() && matchNorm())
      matchResidual();
  }

  QuantizeOp op;
  Value input, gate, weight, bias, residual;
  std::optional<qk::NormKind> norm;
  FloatAttr epsilon;
  onnx::AddOp stream; ///< whose result the kernel stores as well

private:
  /// x * (g * sigmoid(g)), in any order of its factors.
  bool matchGate() {
    auto product = input.getDefiningOp<onnx::MulOp>();
    if (!product || !product->hasOneUse())
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

  bool matchNorm() {
    Operation *producer = input.getDefiningOp();
    if (!producer || !producer->hasOneUse())
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

  void setNorm(qk::NormKind kind, Value x, Value scale, Value shift, FloatAttr given) {
    norm = kind;
    input = x;
    weight = scale;
    bias = shift;
    // The default of ONNX.
    epsilon = given ? given : Builder(op.getContext()).getF32FloatAttr(1e-5f);
  }

  /// The stream may be read by others as well, if all of them come later.
  void matchResidual() {
    auto add = input.getDefiningOp<onnx::AddOp>();
    if (!add || add.getA().getType() != input.getType() || add.getB().getType() != input.getType())
      return;
    Operation *reader = cast<Operation *>(op.getInput().getDefiningOp());
    for (Operation *user : add->getUsers())
      if (user->getBlock() != op->getBlock() || (user != reader && !op->isBeforeInBlock(user)))
        return;
    stream = add;
    input = add.getA();
    residual = add.getB();
  }
};

} // namespace

QuantizedRows qllm::lowerQuantize(QuantizeOp op, bool wantsSums) {
  Producers producers(op);
  RankedTensorType input = typeOf(producers.input);
  int64_t columns = input.getShape().back();
  // qk.quantize_c9: what else there is stays with the interpreter's form.
  if (ShapedType::isDynamic(columns) || columns % 8 != 0 || columns > 32768)
    return {};
  OpBuilder builder(op);
  Location loc = op.getLoc();
  auto rows = [&](Value value) { return value ? toRows(builder, loc, value) : Value(); };
  Value matrix = rows(producers.input);
  int64_t count = typeOf(matrix).getDimSize(0);
  auto type = cast<QuantizedType>(op.getType());
  auto format = cast<IntFormatAttr>(type.getFormat());
  auto vector = [&](Type element) { return RankedTensorType::get({count}, element); };
  Type i32 = builder.getI32Type();
  auto kernel = qk::QuantizeOp::create(
      builder, loc, RankedTensorType::get({count, columns}, format.getStorageType()),
      vector(builder.getF32Type()), format.isAsymmetric() ? vector(i32) : Type(),
      wantsSums ? vector(i32) : Type(), producers.stream ? matrix.getType() : Type(), matrix,
      rows(producers.residual), producers.weight, producers.bias, rows(producers.gate),
      /*index=*/Value(), /*multiply=*/Value(), /*add=*/Value(), op.getRoundingOffsets(),
      producers.norm ? qk::NormKindAttr::get(op.getContext(), *producers.norm) : qk::NormKindAttr(),
      producers.epsilon, /*hadamard=*/IntegerAttr(), format, /*group=*/IntegerAttr(),
      op.getIncludeZeroAttr(), op.getClipAttr());
  if (producers.stream) {
    Value whole = fromRows(builder, loc, kernel.getStream(), producers.input, input);
    producers.stream.getResult().replaceAllUsesExcept(whole, op.getInput().getDefiningOp());
  }
  return {kernel.getCodes(), kernel.getScales(), kernel.getZeroPoints(), kernel.getSums()};
}
