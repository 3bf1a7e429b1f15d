// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// unfold-kernel-weights: one constant after the other.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "StoredOrder.h"
#include "qllm/Analysis/PackedWeight.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Interpreter/OperationRunner.h"

namespace qllm {
#define GEN_PASS_DEF_UNFOLDKERNELWEIGHTS
#include "qllm/Conversion/QLLMToKernel/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct UnfoldKernelWeights : qllm::impl::UnfoldKernelWeightsBase<UnfoldKernelWeights> {
  using UnfoldKernelWeightsBase::UnfoldKernelWeightsBase;

  void runOnOperation() override {
    SmallVector<onnx::InitializerOp> constants;
    getOperation().walk([&](onnx::InitializerOp op) {
      if (op->hasAttr(qk::KernelDialect::getLayoutAttrName()))
        constants.push_back(op);
    });
    interp::OperationRunner runner(getOperation(), /*threads=*/0);
    for (onnx::InitializerOp op : constants) {
      if (failed(unfold(op, runner)))
        return signalPassFailure();
      ++numUnfolded;
    }
  }

private:
  LogicalResult unfold(onnx::InitializerOp op, interp::OperationRunner &runner) {
    llvm::Expected<Tensor> values = evaluateStored(runner, op.getResult());
    if (!values)
      return op.emitOpError() << "cannot be read: " << llvm::toString(values.takeError());
    StoredOrder order = StoredOrder::of(op);
    llvm::Expected<std::vector<uint8_t>> bytes =
        order.rowMajorBytes({values->data<uint8_t>(), values->byteSize()});
    if (!bytes)
      return op.emitOpError() << "cannot be brought back: " << llvm::toString(bytes.takeError());
    StringRef name = op.getName();
    name.consume_back(shuffledSuffix);
    OpBuilder builder(op);
    Location loc = op.getLoc();
    Type type = op.getResult().getType();
    Value matrix = onnx::InitializerOp::create(builder, loc, order.rowMajor, name,
                                               makeBlob(order.rowMajor, *bytes, name));
    Value shuffled =
        order.rowMajor.getElementType().isInteger()
            ? Value(qk::ShuffleWeightOp::create(builder, loc, type, matrix, order.layout))
            : qk::ShuffleScalesOp::create(builder, loc, type, matrix);
    op.getResult().replaceAllUsesWith(shuffled);
    op.erase();
    return success();
  }
};

} // namespace
