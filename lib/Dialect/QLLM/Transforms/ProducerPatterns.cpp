// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of graphs that raising leaves: see docs/raising.md.

#include "ProducerPatterns.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include <cstring>

using namespace mlir;
using namespace qllm;

bool qllm::isElementwise(Operation *op) {
  return isa<onnx::AddOp, onnx::SubOp, onnx::MulOp, onnx::DivOp, onnx::SigmoidOp, onnx::TanhOp,
             onnx::ErfOp, onnx::GeluOp, onnx::ReluOp, onnx::SwishOp, onnx::HardSwishOp,
             onnx::IdentityOp>(op);
}

bool qllm::isPerChannel(Value constant) {
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  return type && type.getRank() >= 1 && type.hasStaticShape() &&
         type.getNumElements() == type.getShape().back() && type.getNumElements() != 1 &&
         isa<FloatType>(type.getElementType());
}

bool qllm::isPerChannelOrScalar(Value constant, int64_t channels) {
  auto type = dyn_cast<RankedTensorType>(constant.getType());
  if (!type || !type.hasStaticShape())
    return false;
  return type.getNumElements() == 1 ||
         (isPerChannel(constant) && type.getNumElements() == channels);
}

std::optional<unsigned> qllm::findBias(onnx::AddOp add) {
  auto type = dyn_cast<RankedTensorType>(add.getResult().getType());
  if (!type || type.getRank() < 1)
    return std::nullopt;
  for (unsigned i : {0u, 1u}) {
    Value constant = add->getOperand(i), other = add->getOperand(1 - i);
    if (isConstantExpression(constant) && isPerChannel(constant) && other.getType() == type &&
        cast<RankedTensorType>(constant.getType()).getShape().back() == type.getShape().back())
      return i;
  }
  return std::nullopt;
}

bool qllm::reachesLinear(Value value) {
  if (auto add = value.getDefiningOp<onnx::AddOp>())
    if (std::optional<unsigned> bias = findBias(add))
      value = add->getOperand(1 - *bias);
  return value.getDefiningOp<LinearOp>() != nullptr;
}

static bool swapsHeadsAndTokens(onnx::TransposeOp transpose) {
  std::optional<ArrayRef<int64_t>> order = transpose ? transpose.getPerm() : std::nullopt;
  return order && *order == ArrayRef<int64_t>{0, 2, 1, 3};
}

/// [batch, tokens, heads * size] in front of the reshape and transpose that make [batch, heads,
/// tokens, size] of it; null where the graph is another.
static Value joinedHeads(Value value, int64_t width) {
  auto transpose = value.getDefiningOp<onnx::TransposeOp>();
  if (!swapsHeadsAndTokens(transpose) || !transpose.getResult().hasOneUse())
    return {};
  auto reshape = transpose.getData().getDefiningOp<onnx::ReshapeOp>();
  if (!reshape || !reshape.getResult().hasOneUse())
    return {};
  auto type = dyn_cast<RankedTensorType>(reshape.getData().getType());
  return type && type.getRank() >= 1 && type.getShape().back() == width ? reshape.getData()
                                                                        : Value();
}

std::optional<AttentionValues> qllm::findAttentionValues(Value value) {
  bool isJoined = true;
  if (auto reshape = value.getDefiningOp<onnx::ReshapeOp>()) {
    auto transpose = reshape.getData().getDefiningOp<onnx::TransposeOp>();
    if (!swapsHeadsAndTokens(transpose) || !transpose.getResult().hasOneUse() ||
        !reshape.getData().hasOneUse())
      return std::nullopt;
    value = transpose.getData();
    isJoined = false;
  }
  auto attention = value.getDefiningOp<onnx::AttentionOp>();
  auto q = attention ? dyn_cast<RankedTensorType>(attention.getQ().getType()) : RankedTensorType();
  auto v = attention ? dyn_cast<RankedTensorType>(attention.getV().getType()) : RankedTensorType();
  if (!q || !v || v.getRank() != (isJoined ? 3 : 4) || q.getRank() != v.getRank() ||
      value != attention.getY())
    return std::nullopt;
  AttentionValues values;
  values.queryHeads = isJoined ? attention.getQNumHeads().value_or(0) : q.getDimSize(1);
  values.valueHeads = isJoined ? attention.getKvNumHeads().value_or(0) : v.getDimSize(1);
  int64_t last = v.getShape().back();
  if (values.queryHeads < 1 || values.valueHeads < 1 || last < 1 ||
      values.queryHeads % values.valueHeads != 0 || (isJoined && last % values.valueHeads != 0)) {
    values.problem = "the heads of its attention are not known";
    return values;
  }
  values.headSize = isJoined ? last / values.valueHeads : last;
  if (attention.getPastValue() || !attention.getV().hasOneUse() ||
      llvm::any_of(llvm::drop_begin(attention->getResults()),
                   [](Value result) { return !result.use_empty(); }) ||
      !value.hasOneUse()) {
    values.problem = "the values of its attention go into a cache or are read elsewhere";
    return values;
  }
  values.value = isJoined ? attention.getV()
                          : joinedHeads(attention.getV(), values.valueHeads * values.headSize);
  if (!values.value)
    values.problem = "the values of its attention do not come straight from a layer";
  return values;
}

std::optional<std::vector<float>> qllm::constantFloats(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  TypedAttr data = constantData(value);
  if (!type || !type.hasStaticShape() || !type.getElementType().isF32() || !data)
    return std::nullopt;
  SmallVector<char> scratch;
  auto bytes = onnx::DataFiles::get(value.getContext()).bytes(data, scratch);
  if (!bytes) {
    llvm::consumeError(bytes.takeError());
    return std::nullopt;
  }
  std::vector<float> floats(type.getNumElements());
  if (bytes->size() != floats.size() * sizeof(float))
    return std::nullopt;
  if (!floats.empty())
    std::memcpy(floats.data(), bytes->data(), bytes->size());
  return floats;
}

Value qllm::createVector(OpBuilder &builder, Location loc, ArrayRef<float> values) {
  auto type = RankedTensorType::get({int64_t(values.size())}, builder.getF32Type());
  return onnx::InitializerOp::create(builder, loc, type, builder.getStringAttr("value_heads"),
                                     DenseElementsAttr::get(type, values));
}
