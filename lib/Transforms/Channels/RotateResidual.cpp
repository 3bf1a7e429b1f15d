// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-rotate-residual. All writers and readers are looked at first; each either takes the rotation
// into its weight or gets it beside, so that a rotated stream is always a consistent one.

#include "qllm/Transforms/Channels/Passes.h"

#include "HadamardRotation.h"
#include "NormGain.h"
#include "ResidualStream.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "llvm/ADT/MapVector.h"

namespace qllm {
#define GEN_PASS_DEF_ROTATERESIDUAL
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// One stream on its way to being rotated.
class StreamRotation {
public:
  StreamRotation(HadamardRotation rotation, bool untie)
      : rotation(std::move(rotation)), untie(untie) {}

  void run(const ResidualStream &stream) {
    for (OpOperand *use : stream.readers)
      planReader(*use);
    for (Value writer : stream.writers)
      planWriter(writer);
    for (const std::function<void()> &rewrite : rewrites)
      rewrite();
  }

  int64_t folded = 0, atRunTime = 0, untiedBytes = 0;

private:
  void planReader(OpOperand &use);
  void planWriter(Value writer);
  bool planLinearWriter(LinearOp linear, std::string &reason);
  void keep(Value rotated, const std::string &reason) {
    ++atRunTime;
    rotated.getDefiningOp()->setDiscardableAttr(keptAttr,
                                                StringAttr::get(rotated.getContext(), reason));
  }

  HadamardRotation rotation;
  bool untie;
  std::vector<std::function<void()>> rewrites;
  /// Values that are turned back for some reader.
  llvm::MapVector<Value, Value> unrotated;
};

} // namespace

void StreamRotation::planReader(OpOperand &use) {
  Operation *op = use.getOwner();
  SmallVector<LinearOp> layers;
  std::optional<std::string> reason;
  if (auto norm = dyn_cast<onnx::RMSNormalizationOp>(op)) {
    if (!(reason = findGainReaders(norm, untie, layers))) {
      folded += layers.size();
      rewrites.push_back([this, norm, layers] {
        foldGain(norm, layers);
        rotateReaders(rotation, onnx::RMSNormalizationOp(norm).getY(), layers);
      });
      return;
    }
  } else if (auto linear = dyn_cast<LinearOp>(op);
             linear && use.getOperandNumber() == 0 && hasFloatWeight(linear) &&
             (untie || !sharesTable(linear.getWeight(), linear))) {
    ++folded;
    rewrites.push_back(
        [this, linear] { rotateReaders(rotation, LinearOp(linear).getInput(), LinearOp(linear)); });
    return;
  }
  if (!reason)
    reason = "the stream is read by " + op->getName().getStringRef().str();
  rewrites.push_back([this, &use, reason = *reason] {
    Value &plain = unrotated[use.get()];
    if (!plain) {
      OpBuilder builder = rotation.builderAfter(use.get());
      plain = rotation.apply(builder, use.get().getLoc(), use.get(), /*inverse=*/true);
      keep(plain, reason);
    }
    use.set(plain);
  });
}

bool StreamRotation::planLinearWriter(LinearOp linear, std::string &reason) {
  if (!hasFloatWeight(linear))
    reason = "the weight of '" + siteName(linear) + "' is quantized or computed at run time";
  else if (sharesTable(linear.getWeight(), linear))
    reason = "'" + siteName(linear) + "' shares its table with other operations";
  if (!reason.empty())
    return false;
  rewrites.push_back([this, linear]() mutable {
    OpBuilder builder(linear);
    linear.getWeightMutable().assign(
        rotation.applyToRows(builder, linear.getLoc(), linear.getWeight()));
    if (linear.getBias())
      linear.getBiasMutable().assign(rotation.apply(builder, linear.getLoc(), linear.getBias()));
  });
  ++folded;
  return true;
}

void StreamRotation::planWriter(Value writer) {
  std::string reason;
  Operation *op = writer.getDefiningOp();
  if (auto linear = dyn_cast_or_null<LinearOp>(op)) {
    if (planLinearWriter(linear, reason))
      return;
  } else if (auto add = dyn_cast_or_null<onnx::AddOp>(op)) {
    // A layer's bias beside it: constants are the right or the left operand.
    for (unsigned i : {0u, 1u}) {
      OpOperand &bias = add->getOpOperand(i);
      Value other = add->getOperand(1 - i);
      auto linear = other.getDefiningOp<LinearOp>();
      auto type = dyn_cast<RankedTensorType>(bias.get().getType());
      if (!linear || !other.hasOneUse() || !isConstantExpression(bias.get()) || !type ||
          !type.hasStaticShape() || type.getNumElements() != rotation.channels() ||
          !planLinearWriter(linear, reason))
        continue;
      rewrites.push_back([this, add, &bias] {
        OpBuilder builder(add);
        bias.set(rotation.apply(builder, add->getLoc(), bias.get()));
      });
      return;
    }
  } else if (auto embedding = dyn_cast_or_null<EmbeddingOp>(op)) {
    bool shared = sharesTable(embedding.getTable(), embedding);
    if (isa<RankedTensorType>(embedding.getTable().getType()) && (untie || !shared)) {
      auto type = cast<RankedTensorType>(embedding.getTable().getType());
      if (shared && type.hasStaticShape())
        untiedBytes += type.getNumElements() * type.getElementTypeBitWidth() / 8;
      ++folded;
      rewrites.push_back([this, embedding]() mutable {
        OpBuilder builder(embedding);
        embedding.getTableMutable().assign(
            rotation.apply(builder, embedding.getLoc(), embedding.getTable()));
      });
      return;
    }
    reason = shared ? "'" + siteName(embedding) + "' shares its table with other operations"
                    : "the table of '" + siteName(embedding) + "' is quantized";
  }
  if (reason.empty())
    reason = op ? "the stream is written by " + op->getName().getStringRef().str()
                : "the stream is an argument of the function";
  // Behind all other rewrites: uses that were turned back read the rotated value by then.
  rewrites.push_back([this, writer, reason] {
    OpBuilder builder = rotation.builderAfter(writer);
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : Value(writer).getUses())
      if (!isa<onnx::ShapeOp>(use.getOwner()))
        uses.push_back(&use);
    Value rotated = rotation.apply(builder, writer.getLoc(), writer);
    for (OpOperand *use : uses)
      use->set(rotated);
    keep(rotated, reason);
  });
}

namespace {

struct RotateResidual : qllm::impl::RotateResidualBase<RotateResidual> {
  using RotateResidualBase::RotateResidualBase;

  void runOnOperation() override {
    for (const ResidualStream &stream : findResidualStreams(getOperation()))
      if (failed(rotate(stream)))
        return signalPassFailure();
    eraseDeadTransposes(getOperation());
  }

private:
  LogicalResult rotate(const ResidualStream &stream) {
    Location loc = stream.values.front().getLoc();
    if (ShapedType::isDynamic(stream.channels())) {
      emitRemark(loc) << "stream not rotated: its number of channels is not known";
      return success();
    }
    if (stream.hasLayerNorm()) {
      emitRemark(loc) << "stream not rotated: a layer normalization subtracts a mean, which does "
                         "not commute with a rotation";
      return success();
    }
    auto rotation = HadamardRotation::create(stream.channels(), block, uint64_t(int64_t(seed)));
    if (!rotation)
      return getOperation().emitError() << llvm::toString(rotation.takeError());
    if (block == 0 && rotation->block() != stream.channels())
      emitRemark(loc) << "rotated in blocks of " << rotation->block() << ": no Hadamard matrix of "
                      << stream.channels() << " rows is known";
    std::string description = rotation->describe();
    StreamRotation rotated(std::move(*rotation), untie);
    rotated.run(stream);
    InFlightDiagnostic remark = emitRemark(loc);
    remark << "stream of " << stream.channels() << " channels rotated by " << description << ", "
           << rotated.folded << " layers in their weights and " << rotated.atRunTime
           << " at run time";
    if (rotated.untiedBytes)
      remark << "; a table of its own for the head adds " << rotated.untiedBytes << " bytes";
    return success();
  }
};

} // namespace
