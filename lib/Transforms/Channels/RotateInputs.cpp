// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-rotate-inputs: the rotation stays in front of the layers.

#include "qllm/Transforms/Channels/Passes.h"

#include "HadamardRotation.h"
#include "qllm/Analysis/SiteFilter.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/MapVector.h"

namespace qllm {
#define GEN_PASS_DEF_ROTATEINPUTS
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct RotateInputs : qllm::impl::RotateInputsBase<RotateInputs> {
  using RotateInputsBase::RotateInputsBase;

  void runOnOperation() override {
    llvm::MapVector<Value, SmallVector<LinearOp>> inputs;
    if (failed(collect(inputs)))
      return signalPassFailure();
    for (auto &[input, layers] : inputs)
      if (failed(rotate(input, layers)))
        return signalPassFailure();
  }

private:
  LogicalResult collect(llvm::MapVector<Value, SmallVector<LinearOp>> &inputs) {
    SmallVector<std::string> patterns(targets.begin(), targets.end());
    bool isDefault = patterns.empty();
    if (isDefault)
      patterns = {"*down_proj", "*fc2"};
    auto filter = SiteFilter::create("targets", patterns);
    if (!filter)
      return getOperation().emitError() << llvm::toString(filter.takeError());
    std::vector<std::string> names;
    getOperation().walk([&](LinearOp linear) {
      SmallVector<std::string> own = siteNames(linear);
      llvm::append_range(names, own);
      if (filter->match(own) && hasFloatWeight(linear) &&
          isa<RankedTensorType>(linear.getInput().getType()))
        inputs[linear.getInput()].push_back(linear);
    });
    if (auto error = filter->checkAllUsed(names); error && !isDefault)
      return getOperation().emitError() << llvm::toString(std::move(error));
    else
      llvm::consumeError(std::move(error));
    return success();
  }

  LogicalResult rotate(Value input, ArrayRef<LinearOp> layers) {
    int64_t channels = cast<RankedTensorType>(input.getType()).getShape().back();
    if (ShapedType::isDynamic(channels))
      return success();
    auto rotation = HadamardRotation::create(
        channels, block, signs ? std::optional<uint64_t>(int64_t(seed)) : std::nullopt);
    if (!rotation)
      return LinearOp(layers.front()).emitOpError() << llvm::toString(rotation.takeError());
    if (block == 0 && rotation->block() != channels)
      LinearOp(layers.front()).emitRemark()
          << "input rotated in blocks of " << rotation->block() << ": no Hadamard matrix of "
          << channels << " rows is known";
    OpBuilder builder = rotation->builderAfter(input);
    rotateReaders(*rotation, rotation->apply(builder, input.getLoc(), input), layers);
    return success();
  }
};

} // namespace
