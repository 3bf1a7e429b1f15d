// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-rotate-heads. Values: the rotation is put in front of o, whose columns take it over, and
// folded through attention into the rows of v.

#include "qllm/Transforms/Channels/Passes.h"

#include "HadamardRotation.h"
#include "qllm/Analysis/AttentionSites.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "llvm/ADT/MapVector.h"

namespace qllm {
#define GEN_PASS_DEF_ROTATEHEADS
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct RotateHeads : qllm::impl::RotateHeadsBase<RotateHeads> {
  using RotateHeadsBase::RotateHeadsBase;

  void runOnOperation() override {
    for (const AttentionSite &site : findAttention(getOperation())) {
      if (!site.problem.empty()) {
        site.op->emitRemark() << "heads not rotated: " << site.problem;
        continue;
      }
      if (queries)
        rotateQueries(site);
      if (values)
        rotateValues(site);
    }
    eraseDeadTransposes(getOperation());
  }

private:
  /// The width of a head at an operand of attention; zero where it is not known.
  static int64_t headSize(const AttentionOperand &operand) {
    auto type = dyn_cast<RankedTensorType>(operand.operand->get().getType());
    if (!type || type.getRank() < 2 || ShapedType::isDynamic(type.getShape().back()))
      return 0;
    return type.getShape().back() / operand.heads;
  }

  void rotateQueries(const AttentionSite &site) {
    int64_t size = headSize(site.operands[0]);
    if (size == 0 || size != headSize(site.operands[1]) || !findHadamard(size)) {
      site.op->emitRemark() << "queries and keys not rotated: expected heads of a size that has a "
                               "Hadamard matrix, but got "
                            << size;
      return;
    }
    for (const AttentionOperand &entry : ArrayRef(site.operands).take_front(2)) {
      OpOperand &operand = *entry.operand;
      auto rotation =
          llvm::cantFail(HadamardRotation::create(size * entry.heads, size, std::nullopt));
      OpBuilder builder(operand.getOwner());
      operand.set(rotation.apply(builder, site.op->getLoc(), operand.get()));
    }
  }

  void rotateValues(const AttentionSite &site) {
    int64_t size = headSize(site.operands[2]);
    if (size == 0 || !findHadamard(size)) {
      site.op->emitRemark()
          << "values not rotated: expected heads of a size that has a Hadamard matrix, but got "
          << size;
      return;
    }
    SmallVector<LinearOp> layers;
    Value joined = joinedHeads(site.op->getResult(0), layers);
    if (!joined) {
      site.op->emitRemark() << "values not rotated: expected its result to be read by linear "
                               "layers alone";
      return;
    }
    int64_t channels = cast<RankedTensorType>(joined.getType()).getShape().back();
    // Different signs for different heads would not do: query heads share value heads.
    auto rotation = llvm::cantFail(
        HadamardRotation::create(channels, size, uint64_t(int64_t(seed)), /*sameSigns=*/true));
    OpBuilder builder = rotation.builderAfter(joined);
    SmallVector<OpOperand *> uses;
    for (OpOperand &use : joined.getUses())
      uses.push_back(&use);
    Value rotated = rotation.apply(builder, joined.getLoc(), joined);
    for (OpOperand *use : uses)
      use->set(rotated);
    if (std::optional<std::string> obstacle = foldChain(joined, rotated)) {
      for (OpOperand *use : uses)
        use->set(joined);
      eraseChain(rotated, joined);
      site.op->emitRemark() << "values not rotated: " << *obstacle;
      return;
    }
    // The operations of the chain are gone, and `joined` is the rotated value.
    rotateReaders(rotation, joined, layers);
  }

  /// The value with the heads side by side, and its readers; null unless all are linear layers with
  /// float weights.
  static Value joinedHeads(Value value, SmallVectorImpl<LinearOp> &layers) {
    for (unsigned depth = 0; depth < 3 && value.hasOneUse(); ++depth) {
      Operation *user = *value.user_begin();
      if (!isa<onnx::TransposeOp, onnx::ReshapeOp>(user))
        break;
      value = user->getResult(0);
    }
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() != 3 || ShapedType::isDynamic(type.getShape().back()))
      return {};
    for (OpOperand &use : value.getUses()) {
      auto linear = dyn_cast<LinearOp>(use.getOwner());
      if (!linear || use.getOperandNumber() != 0 || !hasFloatWeight(linear))
        return {};
      layers.push_back(linear);
    }
    return layers.empty() ? Value() : value;
  }

  /// Folds all operations between `from` and `to`, or none.
  static std::optional<std::string> foldChain(Value from, Value to) {
    SmallVector<ChannelTransform> chain;
    for (Value value = to; value != from; value = chain.back().getTransformInput())
      chain.push_back(cast<ChannelTransform>(value.getDefiningOp()));
    for (ChannelTransform transform : llvm::reverse(chain))
      if (std::optional<std::string> obstacle = foldIntoProducer(transform))
        return obstacle;
    return std::nullopt;
  }

  static void eraseChain(Value from, Value to) {
    while (from != to) {
      Operation *op = from.getDefiningOp();
      from = op->getOperand(0);
      op->erase();
    }
  }
};

} // namespace
