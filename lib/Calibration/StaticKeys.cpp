// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rotary embedding and whatever else lies between then works on keys that are rounded already.

#include "qllm/Calibration/StaticKeys.h"

#include "QuantizerPaths.h"
#include "mlir/IR/Builders.h"
#include "qllm/Analysis/QuantizeSpecs.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

/// The path from `produced` to the keys of an attention operator; null quantizer without one.
static QuantizerPath pathToKeys(Value produced) {
  for (QuantizerPath &path : findQuantizers(produced)) {
    DequantizeOp keys = path.dequantized();
    if (!keys || !keys.getResult().hasOneUse())
      continue;
    auto attention = dyn_cast<onnx::AttentionOp>(*keys.getResult().user_begin());
    if (attention && attention.getK() == keys.getResult())
      return path;
  }
  return {};
}

bool qllm::isStaticKeys(Value produced) {
  auto codes = produced.hasOneUse() ? dyn_cast<QuantizeOp>(*produced.user_begin()) : QuantizeOp();
  return codes && !codes.isDynamic();
}

FailureOr<bool> qllm::quantizeKeysByChannel(Value produced, const ChannelRanges &ranges) {
  QuantizerPath path = pathToKeys(produced);
  auto shaped = dyn_cast<RankedTensorType>(produced.getType());
  int64_t channels = int64_t(ranges.lowest.size());
  if (!path.quantizer || !shaped || shaped.getRank() < 1 || shaped.getShape().back() != channels)
    return false;
  QuantizeOp quantizer = path.quantizer;
  auto old = cast<QuantizedType>(quantizer.getResult().getType());
  // Formats with scales of groups or tensors say something else.
  if (old.hasTensorScale() || !quantizeSpecOf(old).element->isInteger())
    return false;
  auto granularity = GranularityAttr::perChannel(produced.getContext(), shaped.getRank() - 1);
  QuantizedType type = QuantizedType::get(shaped.getShape(), old.getFormat(), granularity);
  QuantizeSpec spec = quantizeSpecOf(type);
  std::vector<float> scales;
  std::vector<int32_t> zeroPoints;
  for (auto [low, high] : llvm::zip_equal(ranges.lowest, ranges.highest)) {
    GroupParameters parameters;
    float clip = quantizer.getRangeClip();
    if (FormatStatus status =
            computeRangeParameters(spec, {low * clip, high * clip, false}, parameters);
        !status)
      return emitError(produced.getLoc()) << "range of a channel of the keys: " << status.message();
    scales.push_back(parameters.scale);
    zeroPoints.push_back(parameters.zeroPoint);
  }
  OpBuilder builder(produced.getContext());
  builder.setInsertionPointAfterValue(produced);
  Location loc = produced.getLoc();
  Value scale = createConstant(builder, loc, scales, "key_scales"), zero;
  if (type.hasZeroPoint())
    zero = createConstant(builder, loc, ArrayRef<int32_t>(zeroPoints), "key_zero_points");
  auto codes =
      QuantizeOp::create(builder, loc, type, produced, scale, zero, /*tensor_scale=*/Value(),
                         /*rounding_offsets=*/Value(), /*include_zero=*/false,
                         /*clip=*/FloatAttr());
  Value keys = DequantizeOp::create(builder, loc, shaped, codes);
  produced.replaceAllUsesExcept(keys, codes);
  DequantizeOp dynamic = path.dequantized();
  dynamic.getResult().replaceAllUsesWith(quantizer.getInput());
  dynamic.erase();
  quantizer.erase();
  return true;
}
