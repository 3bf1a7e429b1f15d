// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-quantize-activations: puts run-time quantization in front of the operands whose plan says
// so.

#include "qllm/Transforms/Rounding/Passes.h"

#include "mlir/IR/Builders.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {
#define GEN_PASS_DEF_QUANTIZEACTIVATIONS
#include "qllm/Transforms/Rounding/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct QuantizeActivations : qllm::impl::QuantizeActivationsBase<QuantizeActivations> {
  using QuantizeActivationsBase::QuantizeActivationsBase;

  void runOnOperation() override;

private:
  LogicalResult checkOptions();
  bool isWanted(Operation *op) const;
  LogicalResult apply(Operation *op, SitePlan &plan);
  Value quantized(Value value, QuantizedType type);
  Value dequantized(Value quantized, Type type);

  /// What was made of a value already: attention's and linears' operands are often shared.
  DenseMap<std::pair<Value, Type>, Value> cache;
};

} // namespace

Value QuantizeActivations::quantized(Value value, QuantizedType type) {
  Value &result = cache[{value, type}];
  if (result) {
    ++numShared;
    return result;
  }
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(value);
  result = QuantizeOp::create(builder, value.getLoc(), type, value, /*roundingOffsets=*/Value(),
                              float(clip));
  return result;
}

Value QuantizeActivations::dequantized(Value quantized, Type type) {
  Value &result = cache[{quantized, type}];
  if (result)
    return result;
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(quantized);
  result = DequantizeOp::create(builder, quantized.getLoc(), type, quantized);
  return result;
}

LogicalResult QuantizeActivations::apply(Operation *op, SitePlan &plan) {
  for (auto [index, type] : llvm::enumerate(plan.operands)) {
    if (!type)
      continue;
    ++numMatched;
    OpOperand &operand = op->getOpOperand(index);
    auto valueType = dyn_cast<RankedTensorType>(operand.get().getType());
    // Plans may be edited by hand: a type that does not fit the operand would make invalid IR.
    if (!valueType || !isa<FloatType>(valueType.getElementType()) ||
        valueType.getShape() != type.getShape())
      return op->emitOpError() << "expected a plan for operand #" << index << " of type "
                               << operand.get().getType() << ", but got one for " << type;
    bool takesQuantized = isa<LinearOp>(op) && index == 0;
    Value value = quantized(operand.get(), type);
    operand.set(takesQuantized ? value : dequantized(value, valueType));
    ++numRewritten;
  }
  plan.operands.clear();
  plan.attachTo(op);
  return success();
}

LogicalResult QuantizeActivations::checkOptions() {
  if (sites != "all" && sites != "attention" && sites != "linears")
    return getOperation()->emitError()
           << "expected all, attention or linears as sites, but got '" << sites << "'";
  if (!(clip > 0 && clip <= 1))
    return getOperation()->emitError()
           << "expected a clip over 0 and at most 1, but got " << double(clip);
  return success();
}

/// An operation with a plan is a linear layer, or one of those that make up attention.
bool QuantizeActivations::isWanted(Operation *op) const {
  return sites == "all" || (sites == "linears") == isa<LinearOp>(op);
}

void QuantizeActivations::runOnOperation() {
  cache.clear();
  if (failed(checkOptions()))
    return signalPassFailure();
  WalkResult result = getOperation().walk([&](Operation *op) {
    FailureOr<SitePlan> plan = SitePlan::of(op);
    if (failed(plan))
      return WalkResult::interrupt();
    if (!plan->operands.empty() && isWanted(op) && failed(apply(op, *plan)))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    signalPassFailure();
}
