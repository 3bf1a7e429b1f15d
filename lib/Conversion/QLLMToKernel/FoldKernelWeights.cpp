// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// fold-kernel-weights: one constant after the other.

#include "qllm/Conversion/QLLMToKernel/Passes.h"

#include "StoredOrder.h"
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
      // A padded weight that is shuffled or summed is part of that expression.
      bool isRead = isa<qk::PadWeightOp>(op) && llvm::any_of(op->getUsers(), [](Operation *user) {
                      return !isa<qk::ShuffleWeightOp, qk::CodeSumsOp>(user);
                    });
      if ((isRead || isa<qk::ShuffleWeightOp, qk::ShuffleScalesOp, qk::CodeSumsOp>(op)) &&
          isConstantExpression(op->getResult(0)))
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
    Value source = op->getOperand(0);
    if (auto padded = source.getDefiningOp<qk::PadWeightOp>())
      source = padded.getCodes();
    StoredOrder order = StoredOrder::ofShuffle(op);
    std::string name = weightName(source).str();
    name += order.layout                ? StringRef(shuffledSuffix)
            : isa<qk::PadWeightOp>(op)  ? "_padded"
            : op->getNumOperands() == 1 ? "_sums"
                                        : "_scaled_sums";
    ArrayRef<char> bytes(values->rawData(), values->byteSize());
    std::vector<uint8_t> packed;
    if (type.getElementTypeBitWidth() == 4) {
      llvm::Expected<std::vector<uint8_t>> halves =
          packHalfBytes({values->data<uint8_t>(), size_t(values->size())});
      if (!halves)
        return op->emitOpError() << llvm::toString(halves.takeError());
      packed = std::move(*halves);
      bytes = {reinterpret_cast<const char *>(packed.data()), packed.size()};
    }
    OpBuilder builder(op);
    auto folded =
        onnx::InitializerOp::create(builder, op->getLoc(), type, name, makeBlob(type, bytes, name));
    if (order.layout)
      order.attachTo(folded);
    op->getResult(0).replaceAllUsesWith(folded.getResult());
    op->erase();
    return success();
  }
};

} // namespace
