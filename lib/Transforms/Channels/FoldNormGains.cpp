// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-fold-norm-gains: (x / rms(x) * g) W^T = x / rms(x) (W diag(g))^T.

#include "qllm/Transforms/Channels/Passes.h"

#include "HadamardRotation.h"
#include "NormGain.h"
#include "qllm/Analysis/Weights.h"

namespace qllm {
#define GEN_PASS_DEF_FOLDNORMGAINS
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

std::optional<std::string> qllm::findGainReaders(onnx::RMSNormalizationOp norm, bool untie,
                                                 SmallVectorImpl<LinearOp> &layers) {
  auto input = dyn_cast<RankedTensorType>(norm.getX().getType());
  auto gain = dyn_cast<RankedTensorType>(norm.getScale().getType());
  int64_t axis = norm.getAxis().value_or(-1);
  if (!input || !gain || gain.getRank() != 1 || (axis != -1 && axis != input.getRank() - 1))
    return std::string("the norm is not over the channels alone");
  for (OpOperand &use : norm.getY().getUses()) {
    auto linear = dyn_cast<LinearOp>(use.getOwner());
    if (isa<onnx::ShapeOp>(use.getOwner()))
      continue;
    if (!linear || use.getOperandNumber() != 0)
      return "the norm is read by " + use.getOwner()->getName().getStringRef().str();
    if (!hasFloatWeight(linear))
      return "the weight of '" + siteName(linear) + "' is quantized or computed at run time";
    if (!untie && sharesTable(linear.getWeight(), linear))
      return "'" + siteName(linear) + "' shares its table with other operations";
    layers.push_back(linear);
  }
  return std::nullopt;
}

void qllm::foldGain(onnx::RMSNormalizationOp norm, ArrayRef<LinearOp> layers) {
  Value gain = norm.getScale();
  for (LinearOp linear : layers) {
    OpBuilder builder(linear);
    linear.getWeightMutable().assign(ScaleChannelsOp::create(
        builder, linear.getLoc(), linear.getWeight(), gain, /*inverse=*/false));
  }
  OpBuilder builder(norm);
  auto type = cast<RankedTensorType>(gain.getType());
  auto element = cast<FloatType>(type.getElementType());
  Attribute one = FloatAttr::get(element, 1.0);
  norm.getScaleMutable().assign(onnx::InitializerOp::create(builder, norm.getLoc(), type,
                                                            builder.getStringAttr("ones"),
                                                            DenseElementsAttr::get(type, one)));
}

namespace {

struct FoldNormGains : qllm::impl::FoldNormGainsBase<FoldNormGains> {
  void runOnOperation() override {
    getOperation().walk([](onnx::RMSNormalizationOp norm) {
      SmallVector<LinearOp> layers;
      if (!findGainReaders(norm, /*untie=*/false, layers) && !layers.empty())
        foldGain(norm, layers);
    });
  }
};

} // namespace
