// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The mean of a value before the rotary embedding becomes a different constant at each position
// behind it; so the operations in between are applied to the mean as they are to the value.

#include "qllm/Calibration/CenterAttention.h"

#include "ConstantCenter.h"
#include "mlir/IR/IRMapping.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The steps of a path on another value, of the type of the first one; with `linear` without the
/// constants that they add.
Value cloneSteps(OpBuilder &builder, ArrayRef<OpResult> steps, Value from, Value to,
                 bool linear = false) {
  for (OpResult step : steps) {
    if (linear && isa<onnx::AddOp>(step.getOwner())) {
      from = step;
      continue;
    }
    IRMapping mapping;
    mapping.map(from, to);
    Operation *copy = builder.clone(*step.getOwner(), mapping);
    copy->setDiscardableAttrs(builder.getDictionaryAttr({})); // names are the original's
    to = copy->getResult(step.getResultNumber());
    from = step;
  }
  return to;
}

/// [batch, tokens, heads * channels] to [batch, heads, tokens, channels], or back.
bool swapsHeads(Operation *op) {
  auto transpose = dyn_cast<onnx::TransposeOp>(op);
  return transpose && transpose.getPerm() && *transpose.getPerm() == ArrayRef<int64_t>{0, 2, 1, 3};
}

ArrayRef<int64_t> shapeOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type ? type.getShape() : ArrayRef<int64_t>();
}

/// Where attention's result has all heads side by side in its last axis; null where it does not get
/// there in the usual two steps.
Value resultByTokens(onnx::AttentionOp attention) {
  Value result = attention.getY();
  if (shapeOf(result).size() == 3)
    return result;
  if (!result.hasOneUse() || !swapsHeads(*result.user_begin()))
    return {};
  Value swapped = result.user_begin()->getResult(0);
  if (!swapped.hasOneUse())
    return {};
  auto reshape = dyn_cast<onnx::ReshapeOp>(*swapped.user_begin());
  return reshape && reshape.getData() == swapped && shapeOf(reshape.getReshaped()).size() == 3
             ? reshape.getReshaped()
             : Value();
}

class Centering {
public:
  /// Without `averageRow` means are put back at every position.
  Centering(Value produced, ArrayRef<float> mean, const AverageRow *averageRow = nullptr)
      : produced(produced), mean(mean), averageRow(averageRow) {}
  FailureOr<Centered> run();

private:
  LogicalResult center(const QuantizerPath &path, DequantizeOp dequantized);
  bool foldBehindAttention(const QuantizerPath &path, DequantizeOp dequantized);
  Value constantMean(OpBuilder &builder);

  Value produced;
  ArrayRef<float> mean;
  const AverageRow *averageRow;
  Centered result;
};

} // namespace

/// The mean in the shape of the value, so that operations that name axes or sizes take it.
Value Centering::constantMean(OpBuilder &builder) {
  Location loc = produced.getLoc();
  auto type = cast<RankedTensorType>(produced.getType());
  Value constant = createConstant(builder, loc, mean, "mean");
  auto shapeType = RankedTensorType::get({type.getRank()}, builder.getI64Type());
  Value shape = onnx::ShapeOp::create(builder, loc, shapeType, ValueRange(produced));
  return onnx::ExpandOp::create(builder, loc, type, ValueRange({constant, shape}));
}

/// softmax(..) (v + 1 m^T) = softmax(..) v + 1 m^T: each query head gets the mean of its value
/// head.
bool Centering::foldBehindAttention(const QuantizerPath &path, DequantizeOp dequantized) {
  if (!dequantized.getResult().hasOneUse())
    return false;
  OpOperand &use = *dequantized.getResult().use_begin();
  auto attention = dyn_cast<onnx::AttentionOp>(use.getOwner());
  if (!attention || attention.getV() != dequantized.getResult() || use.getOperandNumber() != 2)
    return false;
  // The channels must be those of the value, head by head.
  ArrayRef<int64_t> shape = shapeOf(dequantized.getResult());
  int64_t channels = int64_t(mean.size()), heads = 0;
  if (shape.size() == 4 && path.steps.size() == 2 &&
      isa<onnx::ReshapeOp>(path.steps[0].getOwner()) && swapsHeads(path.steps[1].getOwner()))
    heads = shape[1];
  else if (shape.size() == 3 && path.steps.empty())
    heads = attention.getKvNumHeads().value_or(0);
  Value byTokens = resultByTokens(attention);
  if (heads < 1 || channels % heads != 0 || !byTokens)
    return false;
  int64_t width = channels / heads, outputs = shapeOf(byTokens).back();
  if (ShapedType::isDynamic(outputs) || outputs % channels != 0)
    return false;
  int64_t repeats = outputs / channels;
  std::vector<float> shift;
  for (int64_t head = 0; head < heads * repeats; ++head) {
    ArrayRef<float> own = mean.slice(size_t(head / repeats * width), size_t(width));
    shift.insert(shift.end(), own.begin(), own.end());
  }
  OpBuilder builder(dequantized.getContext());
  builder.setInsertionPointAfterValue(byTokens);
  Value offsets = createConstant(builder, byTokens.getLoc(), shift, "value_mean");
  auto shifted = ShiftChannelsOp::create(builder, byTokens.getLoc(), byTokens.getType(), byTokens,
                                         offsets, /*inverse=*/false);
  byTokens.replaceAllUsesExcept(shifted, shifted);
  return true;
}

LogicalResult Centering::center(const QuantizerPath &path, DequantizeOp dequantized) {
  bool folded = foldBehindAttention(path, dequantized);
  if (averageRow && feedsOnlySoftmax(dequantized)) {
    FailureOr<std::string> problem = subtractConstant(path, mean, *averageRow);
    if (failed(problem))
      return failure();
    if (problem->empty())
      ++result.quantizers;
    else
      result.problem = *problem;
    return success();
  }
  QuantizeOp quantizer = path.quantizer;
  OpBuilder builder(quantizer);
  Location loc = quantizer.getLoc();
  Value constant = createConstant(builder, loc, mean, "mean");
  Value centered = ShiftChannelsOp::create(builder, loc, produced.getType(), produced, constant,
                                           /*inverse=*/true);
  quantizer.getInputMutable().assign(
      cloneSteps(builder, path.steps, produced, centered, /*linear=*/true));
  ++result.quantizers;
  if (folded) {
    ++result.folded;
    return success();
  }
  builder.setInsertionPointAfter(dequantized);
  Value restored = cloneSteps(builder, path.steps, produced, constantMean(builder));
  auto sum = onnx::AddOp::create(builder, loc, dequantized.getType(), dequantized, restored);
  dequantized.getResult().replaceAllUsesExcept(sum, sum);
  return success();
}

FailureOr<Centered> Centering::run() {
  auto type = dyn_cast<RankedTensorType>(produced.getType());
  if (!type || type.getRank() < 1 || type.getShape().back() != int64_t(mean.size()) ||
      !type.getElementType().isF32()) {
    result.problem = "expected an f32 value with " + std::to_string(mean.size()) + " channels";
    return result;
  }
  SmallVector<QuantizerPath> paths = findQuantizers(produced);
  for (const QuantizerPath &path : paths) {
    DequantizeOp dequantized = path.dequantized();
    if (!dequantized) { // the input of another linear layer, not of attention
      result.problem = "expected one dequantization behind the quantizer";
      continue;
    }
    if (failed(center(path, dequantized)))
      return failure();
  }
  if (paths.empty())
    result.problem = "expected a quantizer behind reshapes, transposes and a rotary embedding";
  return result;
}

Centered qllm::centerAttention(Value produced, ArrayRef<float> mean) {
  return *Centering(produced, mean).run();
}

FailureOr<Centered> qllm::centerAttentionForCache(Value produced, ArrayRef<float> mean,
                                                  AverageRow averageRow) {
  return Centering(produced, mean, &averageRow).run();
}
