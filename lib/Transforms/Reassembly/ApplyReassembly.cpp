// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-apply-reassembly: planned splits and merges become operations, and weights absorb them.

#include "qllm/Transforms/Reassembly/Passes.h"

#include "ReassemblyPlan.h"
#include "mlir/IR/Builders.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/MapVector.h"

namespace qllm {
#define GEN_PASS_DEF_APPLYREASSEMBLY
#include "qllm/Transforms/Reassembly/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Layers that share an input and a plan.
using Group = std::pair<Value, Attribute>;

struct ApplyReassembly : qllm::impl::ApplyReassemblyBase<ApplyReassembly> {
  void runOnOperation() override {
    llvm::MapVector<Group, SmallVector<LinearOp>> groups;
    WalkResult found = getOperation().walk([&](Operation *op) {
      if (!op->hasAttr(ReassemblyPlan::attributeName))
        return WalkResult::advance();
      auto linear = dyn_cast<LinearOp>(op);
      if (!linear) {
        op->emitOpError() << "expected " << ReassemblyPlan::attributeName << " on qllm.linear only";
        return WalkResult::interrupt();
      }
      groups[{linear.getInput(), op->getAttr(ReassemblyPlan::attributeName)}].push_back(linear);
      ++numMatched;
      return WalkResult::advance();
    });
    if (found.wasInterrupted())
      return signalPassFailure();
    for (auto &[group, linears] : groups) {
      if (failed(apply(group.first, linears)))
        return signalPassFailure();
      ++numRewritten;
    }
  }

private:
  LogicalResult apply(Value input, ArrayRef<LinearOp> linears);
  LogicalResult absorb(ArrayRef<ChannelTransform> transforms, LinearOp linear);
};

/// The same encoding for a last dimension of `width`; null where it does not fit.
QuantizedType withWidth(QuantizedType type, int64_t width) {
  if (!type)
    return {};
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = width;
  return type.cloneWithShape(shape);
}

} // namespace

LogicalResult ApplyReassembly::absorb(ArrayRef<ChannelTransform> transforms, LinearOp linear) {
  FailureOr<SitePlan> rounding = SitePlan::of(linear);
  if (failed(rounding))
    return failure();
  OpBuilder builder(linear);
  LinearParameters parameters{linear.getWeight(), linear.getBias()};
  for (ChannelTransform transform : transforms) {
    FailureOr<LinearParameters> next = transform.absorb(builder, parameters);
    if (failed(next))
      return linear.emitOpError() << "expected a float weight of two dimensions to absorb "
                                  << transform->getName() << ", but got "
                                  << linear.getWeight().getType();
    parameters = *next;
  }
  int64_t width = cast<RankedTensorType>(parameters.weight.getType()).getDimSize(1);
  auto follow = [&](QuantizedType &type) {
    QuantizedType wanted = withWidth(type, width);
    bool fits = !type || wanted;
    if (!fits)
      linear.emitOpError() << "expected a plan that fits a width of " << width << ", but got "
                           << type;
    type = wanted;
    return fits;
  };
  if (!follow(rounding->weight) ||
      (!rounding->operands.empty() && !follow(rounding->operands.front())))
    return failure();
  linear.getInputMutable().assign(transforms.back()->getResult(0));
  linear.getWeightMutable().assign(parameters.weight);
  linear->removeAttr(ReassemblyPlan::attributeName);
  rounding->attachTo(linear);
  return success();
}

LogicalResult ApplyReassembly::apply(Value input, ArrayRef<LinearOp> linears) {
  LinearOp first = linears.front();
  auto type = dyn_cast<RankedTensorType>(input.getType());
  auto weight = dyn_cast<RankedTensorType>(first.getWeight().getType());
  bool isKnown =
      type && type.getRank() > 0 && weight && weight.getRank() == 2 && !weight.isDynamicDim(1);
  if (!isKnown)
    return first.emitOpError() << "expected a float input and a weight with a static number of "
                                  "channels to reassemble, but got "
                               << input.getType() << " and " << first.getWeight().getType();
  int64_t channels = weight.getDimSize(1);
  FailureOr<ReassemblyPlan> plan = ReassemblyPlan::of(first, channels);
  if (failed(plan))
    return failure();
  OpBuilder builder(first);
  builder.setInsertionPointAfterValue(input);
  Location loc = input.getLoc();
  // Channel operations need the number, which only the weight may tell.
  if (type.isDynamicDim(type.getRank() - 1)) {
    SmallVector<int64_t> shape(type.getShape());
    shape.back() = channels;
    input = onnx::IdentityOp::create(builder, loc, type.clone(shape), input);
  }
  auto split = SplitChannelsOp::create(builder, loc, input, plan->reassembly.parts,
                                       /*repeat=*/false, /*rounding_offsets=*/false);
  split->setAttr("qllm.threshold", builder.getF64FloatAttr(plan->threshold));
  SmallVector<ChannelTransform> transforms{split};
  if (!plan->reassembly.targets.empty())
    transforms.push_back(MergeChannelsOp::create(builder, loc, split.getResult(),
                                                 plan->reassembly.targets, /*sum=*/false));
  for (LinearOp linear : linears)
    if (failed(absorb(transforms, linear)))
      return failure();
  return success();
}
