// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-quantize-weights: applies the plan to weights, one after the other.

#include "qllm/Transforms/Rounding/Passes.h"

#include "WeightWriter.h"
#include "mlir/IR/Builders.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/PackedConstants.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "qllm/Support/RunListener.h"
#include "llvm/ADT/MapVector.h"

namespace qllm {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "qllm/Transforms/Rounding/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// All readers of one weight whose plan says the same.
struct PlannedWeight {
  QuantizedType type;
  SmallVector<OpOperand *> readers;
};

OpOperand &weightOperand(Operation *op) {
  if (auto linear = dyn_cast<LinearOp>(op))
    return linear.getWeightMutable();
  return cast<EmbeddingOp>(op).getTableMutable();
}

struct QuantizeWeights : qllm::impl::QuantizeWeightsBase<QuantizeWeights> {
  void runOnOperation() override;

private:
  LogicalResult collect();
  LogicalResult add(Operation *op, QuantizedType type);
  LogicalResult quantize(Value weight, const PlannedWeight &planned);
  void skip(const PlannedWeight &planned, const Twine &reason);
  Value constant(OpBuilder &builder, Location loc, TypedAttr value, const Twine &name);

  llvm::MapVector<Value, PlannedWeight> weights;
  /// Computes weights that are expressions; there while the pass runs.
  interp::OperationRunner *runner = nullptr;
};

} // namespace

LogicalResult QuantizeWeights::add(Operation *op, QuantizedType type) {
  if (!isa<LinearOp, EmbeddingOp>(op))
    return op->emitOpError() << "expected a planned weight on qllm.linear or qllm.embedding only";
  OpOperand &operand = weightOperand(op);
  auto weightType = dyn_cast<RankedTensorType>(operand.get().getType());
  if (!weightType || weightType.getShape() != type.getShape())
    return op->emitOpError() << "expected a plan for a weight of type " << operand.get().getType()
                             << ", but got one for " << type;
  if (type.getGranularity().isPerToken() ||
      (type.getGranularity().isPerChannel() && type.getGranularity().getAxis() != 0))
    return op->emitOpError()
           << "expected per_tensor, per_channel<0> or groups for a weight, but got " << type;
  PlannedWeight &planned = weights[operand.get()];
  if (planned.type && planned.type != type)
    return op->emitOpError() << "expected one plan for all readers of its weight, but got "
                             << planned.type << " and " << type;
  planned.type = type;
  planned.readers.push_back(&operand);
  return success();
}

LogicalResult QuantizeWeights::collect() {
  weights.clear();
  WalkResult result = getOperation().walk([&](Operation *op) {
    FailureOr<SitePlan> plan = SitePlan::of(op);
    if (failed(plan) || (plan->weight && failed(add(op, plan->weight))))
      return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

void QuantizeWeights::skip(const PlannedWeight &planned, const Twine &reason) {
  ++numSkipped;
  for (OpOperand *reader : planned.readers) {
    Operation *op = reader->getOwner();
    SitePlan plan = *SitePlan::of(op);
    plan.weight = {};
    plan.skipped = reason.str();
    plan.attachTo(op);
    op->emitRemark() << "skipped '" << siteName(op) << "': " << reason;
  }
}

Value QuantizeWeights::constant(OpBuilder &builder, Location loc, TypedAttr value,
                                const Twine &name) {
  if (!value)
    return {};
  return onnx::InitializerOp::create(builder, loc, value.getType(), builder.getStringAttr(name),
                                     value);
}

LogicalResult QuantizeWeights::quantize(Value weight, const PlannedWeight &planned) {
  auto reader = WeightReader::create(*runner, weight);
  if (!reader)
    return skip(planned, llvm::toString(reader.takeError())), success();
  // The value of an expression is a new constant, which goes where the expression ends.
  ConstantView view = viewConstant(weight);
  Value source = view ? view.source : weight;
  std::string name = weightName(source).str();
  if (name.empty())
    name = siteName(planned.readers.front()->getOwner());
  auto parts = roundToNearest(*reader, planned.type, name);
  if (!parts && parts.errorIsA<SpillError>())
    return planned.readers.front()->getOwner()->emitError() << llvm::toString(parts.takeError());
  if (!parts)
    return skip(planned, llvm::toString(parts.takeError())), success();
  // Neither is looked at again before it is written, and together they may be larger than memory.
  onnx::DataFiles &files = onnx::DataFiles::get(&getContext());
  files.evict(parts->codes);
  if (view)
    files.evict(constantData(view.source));

  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(source);
  Location loc = source.getLoc();
  Value codes = constant(builder, loc, parts->codes, name + "_codes");
  Value scales = constant(builder, loc, parts->scales, name + "_scales");
  Value zeroPoints = constant(builder, loc, parts->zeroPoints, name + "_zero_points");
  Value tensorScale = constant(builder, loc, parts->tensorScale, name + "_tensor_scale");
  Value packed = PackOp::create(builder, loc, planned.type, codes, scales, zeroPoints, tensorScale);
  for (OpOperand *operand : planned.readers) {
    operand->set(packed);
    SitePlan plan = *SitePlan::of(operand->getOwner());
    plan.weight = {};
    plan.attachTo(operand->getOwner());
  }
  ++numRewritten;
  // The float weight leaves with its last reader, and with it what computed it.
  eraseDeadConstants(weight);
  return success();
}

void QuantizeWeights::runOnOperation() {
  if (failed(collect()))
    return signalPassFailure();
  bool threads = getContext().isMultithreadingEnabled();
  interp::OperationRunner operations(getOperation(), threads ? getContext().getNumThreads() : 1);
  runner = &operations;
  RunListener *listener = getContext().getLoadedDialect<QLLMDialect>()->getRunListener();
  for (auto &[weight, planned] : weights) {
    if (listener && listener->shouldStop()) {
      getOperation().emitError("stopped between two weights");
      return signalPassFailure();
    }
    numMatched += planned.readers.size();
    if (failed(quantize(weight, planned)))
      return signalPassFailure();
  }
}
