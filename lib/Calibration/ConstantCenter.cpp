// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A rotary embedding is linear in its tables: the mean over positions of what it makes of a vector
// is what it makes of the vector with averaged tables.

#include "ConstantCenter.h"

#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

constexpr char supportedPaths[] =
    "expected rows of heads behind a rotary embedding in halves, or none, and channel operations";

/// What lies between rows of heads and a quantizer: [batch, tokens, heads * size] to heads, an
/// embedding or none, operations on the channels of a head.
struct HeadPath {
  int64_t heads = 0, size = 0;
  onnx::RotaryEmbeddingOp rotary;
  SmallVector<ChannelTransform> transforms;
};

bool match(const QuantizerPath &path, size_t channels, HeadPath &found) {
  ArrayRef<OpResult> steps = path.steps;
  if (steps.size() < 2)
    return false;
  auto reshape = dyn_cast<onnx::ReshapeOp>(steps[0].getOwner());
  auto transpose = dyn_cast<onnx::TransposeOp>(steps[1].getOwner());
  auto type = dyn_cast<RankedTensorType>(steps[1].getType());
  if (!reshape || !transpose || !type || type.getRank() != 4 || !transpose.getPerm() ||
      *transpose.getPerm() != ArrayRef<int64_t>{0, 2, 1, 3} || type.isDynamicDim(1) ||
      type.isDynamicDim(3) || type.getDimSize(1) * type.getDimSize(3) != int64_t(channels))
    return false;
  found.heads = type.getDimSize(1);
  found.size = type.getDimSize(3);
  steps = steps.drop_front(2);
  if (!steps.empty())
    if (auto rotary = dyn_cast<onnx::RotaryEmbeddingOp>(steps.front().getOwner())) {
      if (rotary.getInterleaved().value_or(0) != 0 || rotary.getPositionIds() ||
          rotary.getRotaryEmbeddingDim().value_or(0) != 0 || found.size % 2 != 0)
        return false;
      found.rotary = rotary;
      steps = steps.drop_front();
    }
  for (OpResult step : steps) {
    auto transform = dyn_cast<ChannelTransform>(step.getOwner());
    if (!transform || step.getOwner()->getNumOperands() != 1 || step.getType() != type)
      return false;
    found.transforms.push_back(transform);
  }
  return true;
}

void rotate(MutableArrayRef<float> head, ArrayRef<float> cosines, ArrayRef<float> sines) {
  size_t half = head.size() / 2;
  for (size_t i = 0; i != half; ++i) {
    float first = head[i], second = head[i + half];
    head[i] = cosines[i] * first - sines[i] * second;
    head[i + half] = sines[i] * first + cosines[i] * second;
  }
}

} // namespace

bool qllm::feedsOnlySoftmax(DequantizeOp keys) {
  if (!keys.getResult().hasOneUse())
    return false;
  OpOperand &use = *keys.getResult().use_begin();
  auto attention = dyn_cast<onnx::AttentionOp>(use.getOwner());
  return attention && use.getOperandNumber() == 1 && !attention.getPastKey() &&
         !attention.getPresentKey() && !attention.getQkMatmulOutput() &&
         attention.getSoftcap().value_or(APFloat(0.0f)).isZero();
}

FailureOr<std::string> qllm::subtractConstant(const QuantizerPath &path, ArrayRef<float> mean,
                                              AverageRow averageRow) {
  HeadPath found;
  if (!match(path, mean.size(), found))
    return std::string(supportedPaths);
  size_t size = size_t(found.size);
  std::vector<float> cosines, sines;
  if (found.rotary) {
    FailureOr<std::vector<float>> averages[] = {averageRow(found.rotary.getCosCache()),
                                                averageRow(found.rotary.getSinCache())};
    if (failed(averages[0]) || failed(averages[1]))
      return failure();
    cosines = std::move(*averages[0]);
    sines = std::move(*averages[1]);
    if (cosines.size() != size / 2 || sines.size() != size / 2)
      return std::string(supportedPaths);
  }
  std::vector<float> center(mean.begin(), mean.end()), mapped(size);
  for (int64_t i = 0; i != found.heads; ++i) {
    MutableArrayRef<float> head = MutableArrayRef(center).slice(size_t(i) * size, size);
    if (found.rotary)
      rotate(head, cosines, sines);
    for (ChannelTransform transform : found.transforms) {
      if (failed(transform.applyToRow(head, {}, mapped)))
        return std::string(supportedPaths);
      llvm::copy(mapped, head.begin());
    }
  }
  QuantizeOp quantizer = path.quantizer;
  Location loc = quantizer.getLoc();
  OpBuilder builder(quantizer);
  Value constant = createConstant(builder, loc, center, {found.heads, 1, found.size}, "center");
  Value input = quantizer.getInput();
  quantizer.getInputMutable().assign(
      onnx::SubOp::create(builder, loc, input.getType(), input, constant));
  return std::string();
}
