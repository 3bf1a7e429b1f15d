// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fold-kernel-weights: one constant after the other.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "qllm/Analysis/PackedWeight.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Interpreter/OperationRunner.h"

namespace qllm {
#define GEN_PASS_DEF_FOLDKERNELWEIGHTS
#include "qllm/Conversion/QLLMToKernel/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct FoldKernelWeights : qllm::impl::FoldKernelWeightsBase<FoldKernelWeights> {
  using FoldKernelWeightsBase::FoldKernelWeightsBase;

  void runOnOperation() override {
    SmallVector<Operation *> expressions;
    getOperation().walk([&](Operation *op) {
      if (isa<qk::ShuffleWeightOp, qk::CodeSumsOp>(op) && isConstantExpression(op->getResult(0)))
        expressions.push_back(op);
    });
    interp::OperationRunner runner(getOperation(), /*threads=*/0);
    for (Operation *op : expressions) {
      if (failed(fold(op, runner)))
        return signalPassFailure();
      ++numFolded;
    }
  }

private:
  LogicalResult fold(Operation *op, interp::OperationRunner &runner) {
    llvm::Expected<Tensor> values = evaluateStored(runner, op->getResult(0));
    if (!values)
      return op->emitOpError() << "cannot be computed: " << llvm::toString(values.takeError());
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    std::string name = weightName(op->getOperand(0)).str();
    name += isa<qk::ShuffleWeightOp>(op) ? "_shuffled"
            : op->getNumOperands() == 1  ? "_sums"
                                         : "_scaled_sums";
    OpBuilder builder(op);
    Value folded =
        onnx::InitializerOp::create(builder, op->getLoc(), type, name,
                                    makeBlob(type, {values->rawData(), values->byteSize()}, name));
    op->getResult(0).replaceAllUsesWith(folded);
    op->erase();
    return success();
  }
};

} // namespace
