// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-fold-channel-transforms: channel transforms disappear into the linear layers behind them, or
// into what computes their input. Towards consumers they are visited from the last to the first, so
// that one whose users were transforms sees linear layers when its turn comes; towards producers
// from the first to the last.

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "qllm/Dialect/QLLM/Transforms/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace qllm {
#define GEN_PASS_DEF_FOLDCHANNELTRANSFORMS
#include "qllm/Dialect/QLLM/Transforms/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Remembers what a builder made, so that an attempt can be taken back.
class Attempt : public OpBuilder::Listener {
public:
  void notifyOperationInserted(Operation *op, OpBuilder::InsertPoint) override {
    created.push_back(op);
  }
  void takeBack() {
    for (Operation *op : llvm::reverse(created))
      op->erase();
    created.clear();
  }

private:
  SmallVector<Operation *> created;
};

/// The weight and bias that act on the transformed activation, or nothing when the operation is no
/// consumer that a transform folds into.
std::optional<LinearParameters> parametersOf(Operation *consumer) {
  if (auto linear = dyn_cast<LinearOp>(consumer))
    return LinearParameters{linear.getWeight(), linear.getBias()};
  if (auto lowRank = dyn_cast<LowRankOp>(consumer))
    return LinearParameters{lowRank.getDown(), Value()};
  return std::nullopt;
}

/// Whether `parameters` have a place on the consumer: a branch has no bias.
bool canHold(Operation *consumer, const LinearParameters &parameters) {
  return isa<LinearOp>(consumer) || !parameters.bias;
}

void rewriteConsumer(Operation *consumer, Value input, const LinearParameters &parameters) {
  if (auto linear = dyn_cast<LinearOp>(consumer)) {
    linear.getInputMutable().assign(input);
    linear.getWeightMutable().assign(parameters.weight);
    if (parameters.bias)
      linear.getBiasMutable().assign(parameters.bias);
    return;
  }
  auto lowRank = cast<LowRankOp>(consumer);
  lowRank.getInputMutable().assign(input);
  lowRank.getDownMutable().assign(parameters.weight);
}

/// Why the transform stays although it reaches this use; nothing when the use can take it.
std::optional<std::string> obstacleAt(OpOperand &use) {
  Operation *user = use.getOwner();
  std::optional<LinearParameters> parameters = parametersOf(user);
  if (!parameters)
    return "its result is used by " + user->getName().getStringRef().str();
  if (use.getOperandNumber() != 0)
    return "its result is a parameter of " + user->getName().getStringRef().str();
  if (!isa<RankedTensorType>(parameters->weight.getType()))
    return std::string("the weight of a consumer is quantized");
  return std::nullopt;
}

std::optional<std::string> obstacleTo(ChannelTransform transform) {
  if (transform->use_empty())
    return std::string("its result is not used");
  for (OpOperand &use : transform->getUses())
    if (std::optional<std::string> obstacle = obstacleAt(use))
      return obstacle;
  return std::nullopt;
}

/// Into every consumer or into none.
LogicalResult foldIntoConsumers(ChannelTransform transform) {
  Attempt attempt;
  SmallVector<std::pair<Operation *, LinearParameters>> rewrites;
  for (Operation *consumer : transform->getUsers()) {
    OpBuilder builder(consumer, &attempt);
    FailureOr<LinearParameters> parameters =
        transform.foldIntoConsumer(builder, *parametersOf(consumer));
    if (failed(parameters) || !canHold(consumer, *parameters)) {
      attempt.takeBack();
      return failure();
    }
    rewrites.emplace_back(consumer, *parameters);
  }
  for (auto &[consumer, parameters] : rewrites)
    rewriteConsumer(consumer, transform.getTransformInput(), parameters);
  transform->erase();
  return success();
}

struct FoldChannelTransforms : qllm::impl::FoldChannelTransformsBase<FoldChannelTransforms> {
  using FoldChannelTransformsBase::FoldChannelTransformsBase;

  void runOnOperation() override {
    // A pass object runs more than once.
    counts = {};
    if (into != "consumers" && into != "producers") {
      getOperation()->emitError() << "expected consumers or producers for into, but got '" << into
                                  << "'";
      return signalPassFailure();
    }
    size_t seen = into == "consumers" ? foldAllIntoConsumers() : foldAllIntoProducers();
    if (report)
      getOperation()->emitRemark()
          << "channel transforms: " << seen << " seen, " << counts.folded << " folded, "
          << counts.composed << " composed, " << counts.kept << " kept";
  }

private:
  size_t foldAllIntoConsumers() {
    getOperation()->walk([&](ChannelTransform transform) { pending.insert(transform); });
    size_t seen = pending.size();
    while (!pending.empty())
      visit(cast<ChannelTransform>(pending.pop_back_val()));
    return seen;
  }

  size_t foldAllIntoProducers() {
    // Those on weights are how folded ones are written.
    SmallVector<ChannelTransform> transforms;
    getOperation()->walk([&](ChannelTransform transform) {
      if (!isConstantExpression(transform.getTransformInput()))
        transforms.push_back(transform);
    });
    for (ChannelTransform transform : transforms) {
      transform->removeDiscardableAttr(keptAttr);
      std::optional<std::string> obstacle = foldIntoProducer(transform);
      if (!obstacle) {
        ++counts.folded;
        continue;
      }
      ++counts.kept;
      transform->setDiscardableAttr(keptAttr, StringAttr::get(&getContext(), *obstacle));
      if (report)
        transform->emitRemark() << "kept for run time: " << *obstacle;
    }
    eraseDeadTransposes(getOperation());
    return transforms.size();
  }

  void visit(ChannelTransform transform) {
    std::optional<std::string> obstacle = obstacleTo(transform);
    if (!obstacle) {
      if (succeeded(foldIntoConsumers(transform))) {
        ++counts.folded;
        return;
      }
      obstacle = "a consumer has no place for what it adds";
    }
    if (succeeded(composeWithInput(transform)))
      return;
    ++counts.kept;
    if (report)
      transform->emitRemark() << "kept: " << *obstacle;
  }

  /// Make one operation of this transform and the one in front of it, and visit that one next.
  LogicalResult composeWithInput(ChannelTransform transform) {
    Operation *input = transform.getTransformInput().getDefiningOp();
    auto first = dyn_cast_or_null<ChannelTransform>(input);
    if (!first || !first->hasOneUse() || !pending.contains(input))
      return failure();
    OpBuilder builder(transform);
    FailureOr<Value> value = transform.composeAfter(builder, first, /*allowRounding=*/true);
    if (failed(value))
      return failure();
    transform.getTransformResult().replaceAllUsesWith(*value);
    transform->erase();
    pending.remove(input);
    ++counts.composed;
    // The two may also cancel; then both are gone, and what is left was there before.
    bool cancelled = *value == first.getTransformInput();
    first->erase();
    if (cancelled)
      ++counts.composed;
    else
      pending.insert(value->getDefiningOp());
    return success();
  }

  struct Counts {
    size_t folded = 0, composed = 0, kept = 0;
  };
  Counts counts;
  /// In program order; visited from the back.
  llvm::SetVector<Operation *> pending;
};

} // namespace
