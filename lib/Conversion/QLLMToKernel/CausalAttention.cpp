// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Looks backwards from the operands, and forwards to where heads are put together again.

#include "CausalAttention.h"

#include "mlir/IR/Matchers.h"
#include "qllm/Analysis/Weights.h"
#include "llvm/ADT/SetVector.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// [batch, heads, tokens, size] from [batch, tokens, heads, size] and back.
bool swapsTokensAndHeads(onnx::TransposeOp op) {
  return op && op.getPerm() && llvm::equal(*op.getPerm(), ArrayRef<int64_t>{0, 2, 1, 3});
}

/// The table behind a copy for each sequence.
Value stripExpand(Value table) {
  while (auto expand = table.getDefiningOp<onnx::ExpandOp>())
    table = expand.getInput();
  return table;
}

/// What is added to codes, with the codes in `operand`; null for nothing.
Value stripSum(Value &operand) {
  auto sum = operand.getDefiningOp<onnx::AddOp>();
  if (!sum)
    return {};
  bool first = bool(sum.getA().getDefiningOp<DequantizeOp>());
  if (!first && !sum.getB().getDefiningOp<DequantizeOp>())
    return {};
  operand = first ? sum.getA() : sum.getB();
  return first ? sum.getB() : sum.getA();
}

/// One constant for each element of every head.
bool isCenterOf(Value center, Value operand) {
  auto type = dyn_cast<RankedTensorType>(center.getType());
  auto heads = dyn_cast<RankedTensorType>(operand.getType());
  return type && heads && heads.getRank() == 4 && type.getElementType().isF32() &&
         type.getShape() == ArrayRef{heads.getDimSize(1), int64_t(1), heads.getDimSize(3)} &&
         isConstantExpression(center);
}

std::string matchHeads(StringRef name, Value operand, HeadRows &found) {
  found.restored = stripSum(operand);
  if (auto dequantize = operand.getDefiningOp<DequantizeOp>()) {
    auto quantize = dequantize.getInput().getDefiningOp<QuantizeOp>();
    auto type = cast<QuantizedType>(dequantize.getInput().getType());
    found.format = dyn_cast<IntFormatAttr>(type.getFormat());
    if (!quantize || !quantize.isDynamic() || quantize.getRoundingOffsets() || !found.format ||
        quantize.getIncludeZero() || !type.getGranularity().isPerToken())
      return (name + " quantized to integers by their own range, per token").str();
    found.clip = quantize.getClipAttr();
    operand = quantize.getInput();
    if (auto difference = operand.getDefiningOp<onnx::SubOp>();
        difference && isCenterOf(difference.getB(), operand)) {
      found.center = difference.getB();
      operand = difference.getA();
    }
  }
  if (auto rotation = operand.getDefiningOp<RotateChannelsOp>()) {
    int64_t size = cast<ShapedType>(operand.getType()).getShape().back();
    if (rotation.getHadamard() != uint64_t(size) || rotation.getStride() != 1)
      return (name + " that no matrix but a Hadamard matrix of whole heads rotates").str();
    found.hadamard = true;
    operand = rotation.getInput();
  }
  if (auto rotary = operand.getDefiningOp<onnx::RotaryEmbeddingOp>()) {
    if (rotary.getInterleaved().value_or(0) != 0 || rotary.getPositionIds() ||
        rotary.getRotaryEmbeddingDim().value_or(0) != 0)
      return (name + " rotated in halves, by tables without positions").str();
    found.cosines = stripExpand(rotary.getCosCache());
    found.sines = stripExpand(rotary.getSinCache());
    operand = rotary.getX();
  }
  auto transpose = operand.getDefiningOp<onnx::TransposeOp>();
  auto reshape = swapsTokensAndHeads(transpose)
                     ? transpose.getData().getDefiningOp<onnx::ReshapeOp>()
                     : onnx::ReshapeOp();
  auto split =
      reshape ? dyn_cast<RankedTensorType>(reshape.getReshaped().getType()) : RankedTensorType();
  auto whole =
      reshape ? dyn_cast<RankedTensorType>(reshape.getData().getType()) : RankedTensorType();
  if (!split || !whole || split.getRank() != 4 || whole.getRank() != 3 || split.isDynamicDim(2) ||
      split.isDynamicDim(3) || whole.getDimSize(2) != split.getDimSize(2) * split.getDimSize(3))
    return (name + " that are rows of heads").str();
  found.rows = reshape.getData();
  found.heads = split.getDimSize(2);
  found.size = split.getDimSize(3);
  return "";
}

/// The mean of queries that is taken off their rows and added back to their codes as the tables and
/// the matrix turn it: the center of `found`.
std::string matchQueryMean(HeadRows &found) {
  if (!found.restored)
    return "";
  auto shift = found.rows.getDefiningOp<ShiftChannelsOp>();
  HeadRows mean;
  std::string unknown = "queries that get back the mean that is taken off their rows";
  if (!shift || !shift.getInverse() || !matchHeads("queries", found.restored, mean).empty())
    return unknown;
  auto constantOf = [](Value value) { return constantData(viewConstant(value).source); };
  Value vector = stripExpand(mean.rows);
  if (vector == mean.rows || !viewConstant(vector) || !viewConstant(shift.getOffsets()) ||
      constantOf(vector) != constantOf(shift.getOffsets()) || mean.format || mean.restored ||
      mean.heads != found.heads || mean.hadamard != found.hadamard ||
      mean.cosines != found.cosines || mean.sines != found.sines)
    return unknown;
  found.center = vector;
  found.rows = shift.getInput();
  return "";
}

/// What is added back to keys or values behind the tables is another value for every position.
std::string matchMeans(CausalAttention &found) {
  for (auto [name, rows] : {std::pair("keys", &found.key), std::pair("values", &found.value)})
    if (rows->restored)
      return std::string(name) + " without a mean for every position (center-for-cache of the "
                                 "recipe, or center-attention=false)";
  return matchQueryMean(found.query);
}

/// The range that a tensor counts its positions by, if it has one and they lie along `axis`.
onnx::RangeOp rangeAlong(Value value, int64_t axisFromBack) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() < 2)
    return nullptr;
  for (int64_t i = 1; i <= type.getRank(); ++i)
    if (i != axisFromBack && type.getDimSize(type.getRank() - i) != 1)
      return nullptr;
  while (Operation *op = value.getDefiningOp()) {
    if (auto range = dyn_cast<onnx::RangeOp>(op))
      return range;
    if (!isa<onnx::UnsqueezeOp, onnx::ReshapeOp, onnx::CastOp>(op))
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

std::optional<double> scalarOf(Value value) {
  DenseElementsAttr elements;
  if (Operation *op = value.getDefiningOp())
    elements = op->getAttrOfType<DenseElementsAttr>("value");
  if (!elements || !elements.isSplat() || !isa<FloatType>(elements.getElementType()))
    return std::nullopt;
  return elements.getSplatValue<APFloat>().convertToDouble();
}

/// 0 where the key is not behind the query, and too little to matter elsewhere.
onnx::RangeOp matchMask(Value mask) {
  auto where = mask ? mask.getDefiningOp<onnx::WhereOp>() : onnx::WhereOp();
  if (!where)
    return nullptr;
  std::optional<double> seen = scalarOf(where.getX()), hidden = scalarOf(where.getY());
  auto compare = where.getCondition().getDefiningOp<onnx::LessOrEqualOp>();
  if (!compare || seen != 0.0 || !hidden || *hidden > -1e9)
    return nullptr;
  onnx::RangeOp keys = rangeAlong(compare.getA(), 1), queries = rangeAlong(compare.getB(), 2);
  return keys == queries ? keys : onnx::RangeOp();
}

/// The one range of open length that a rotary table is computed from.
onnx::RangeOp rangeBehind(Value table) {
  onnx::RangeOp found;
  SetVector<Operation *> reached;
  auto reach = [&](Value value) {
    if (Operation *op = value.getDefiningOp())
      reached.insert(op);
  };
  reach(table);
  for (size_t i = 0; i < reached.size(); ++i) {
    auto range = dyn_cast<onnx::RangeOp>(reached[i]);
    if (range && !cast<ShapedType>(range.getOutput().getType()).hasStaticShape()) {
      if (found)
        return nullptr;
      found = range;
      continue;
    }
    llvm::for_each(reached[i]->getOperands(), reach);
  }
  return found;
}

/// Whether every query sees the keys up to its own, and by which positions.
std::string matchPositions(onnx::AttentionOp op, CausalAttention &found) {
  if (op.getAttnMask())
    found.positions = matchMask(op.getAttnMask());
  else if (op.getIsCausal().value_or(0) != 0 && found.key.cosines)
    found.positions = rangeBehind(found.key.cosines);
  else if (op.getIsCausal().value_or(0) != 0)
    return "";
  if (found.positions)
    return "";
  return op.getAttnMask() || !op.getIsCausal().value_or(0)
             ? "a mask that hides the keys behind each query, or is_causal"
             : "rotary tables of positions that are counted in the model";
}

onnx::ReshapeOp matchResult(onnx::AttentionOp op) {
  if (!op.getY().hasOneUse())
    return nullptr;
  auto transpose = dyn_cast<onnx::TransposeOp>(*op.getY().user_begin());
  if (!swapsTokensAndHeads(transpose) || !transpose->hasOneUse())
    return nullptr;
  auto reshape = dyn_cast<onnx::ReshapeOp>(*transpose->user_begin());
  auto type =
      reshape ? dyn_cast<RankedTensorType>(reshape.getReshaped().getType()) : RankedTensorType();
  return type && type.getRank() == 3 ? reshape : onnx::ReshapeOp();
}

} // namespace

std::string qllm::matchCausalAttention(onnx::AttentionOp op, CausalAttention &found) {
  for (auto [name, operand, rows] : {std::tuple("queries", Value(op.getQ()), &found.query),
                                     std::tuple("keys", Value(op.getK()), &found.key),
                                     std::tuple("values", Value(op.getV()), &found.value)})
    if (std::string wanted = matchHeads(name, operand, *rows); !wanted.empty())
      return wanted;
  if (!found.key.format || !found.value.format)
    return "keys and values that are quantized";
  if (found.query.center || found.value.center)
    return "no constant right in front of the quantizers of queries and values";
  if (std::string wanted = matchMeans(found); !wanted.empty())
    return wanted;
  if (found.value.hadamard)
    return "values whose rotation is part of the weights around them";
  if (found.value.cosines || bool(found.query.cosines) != bool(found.key.cosines))
    return "queries and keys that are rotated alike";
  if (std::string wanted = matchPositions(op, found); !wanted.empty())
    return wanted;
  bool plain = !op.getPastKey() && !op.getNonpadKvSeqlen() && !op.getPresentKey() &&
               !op.getQkMatmulOutput() && op.getSoftcap().value_or(APFloat(0.0f)).isZero() &&
               int64_t(op.getLeftWindowSize().value_or(-1)) < 0;
  if (!plain)
    return "no cache, cap or window";
  found.scale =
      op.getScale() ? op.getScale()->convertToFloat() : 1 / std::sqrt(float(found.query.size));
  found.result = matchResult(op);
  return found.result ? "" : "a result whose heads are put together";
}
