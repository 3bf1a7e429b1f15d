// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms as gathers and elementwise operators; channels are the last axis.

#include "LowerChannels.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// x[.., channels[j]]
Value gather(GraphBuilder &graph, StringRef role, Value x, ArrayRef<int64_t> channels) {
  auto type = cast<RankedTensorType>(x.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.back() = channels.size();
  return graph.node<onnx::GatherOp>(role, type.clone(shape), {x, graph.integers(channels)},
                                    {graph.attribute("axis", type.getRank() - 1)});
}

/// Channels after a split: which one each is a copy of, and into how many parts that one is cut.
struct Copies {
  SmallVector<int64_t> owners;
  SmallVector<float> parts;
};

Copies copiesOf(SplitChannelsOp op) {
  Copies copies;
  for (auto [channel, part] : llvm::enumerate(op.getParts())) {
    copies.owners.append(part, channel);
    copies.parts.append(part, op.getRepeat() ? 1.0f : static_cast<float>(part));
  }
  return copies;
}

bool allOne(ArrayRef<float> values) {
  return llvm::all_of(values, [](float value) { return value == 1.0f; });
}

/// What a merge adds up, round by round: the k-th member of every channel that has so many, and its
/// share; channels that have fewer take channel 0 with a share of zero.
struct MergeRound {
  SmallVector<int64_t> members;
  SmallVector<float> shares;
};

SmallVector<MergeRound> roundsOf(MergeChannelsOp op, const std::optional<Copies> &copies) {
  ArrayRef<int64_t> targets = op.getTargets();
  int64_t width = op.getResult().getType().getShape().back();
  SmallVector<int64_t> counts(width, 0), seen(width, 0);
  for (int64_t target : targets)
    ++counts[target];
  SmallVector<MergeRound> rounds;
  for (auto [channel, target] : llvm::enumerate(targets)) {
    size_t round = seen[target]++;
    if (round == rounds.size())
      rounds.push_back({SmallVector<int64_t>(width, 0), SmallVector<float>(width, 0.0f)});
    float divisor = op.getSum() ? 1.0f : static_cast<float>(counts[target]);
    if (copies)
      divisor *= copies->parts[channel];
    rounds[round].members[target] = copies ? copies->owners[channel] : channel;
    rounds[round].shares[target] = 1.0f / divisor;
  }
  return rounds;
}

} // namespace

bool qllm::isReadByMergesOnly(SplitChannelsOp op) {
  return !op->use_empty() &&
         llvm::all_of(op->getUsers(), [](Operation *user) { return isa<MergeChannelsOp>(user); });
}

Value qllm::lowerScale(GraphBuilder &graph, ScaleChannelsOp op) {
  graph.setSite(op);
  if (op.getInverse())
    return graph.binary<onnx::DivOp>("scaled", op.getInput(), op.getFactors());
  return graph.binary<onnx::MulOp>("scaled", op.getInput(), op.getFactors());
}

Value qllm::lowerShift(GraphBuilder &graph, ShiftChannelsOp op) {
  graph.setSite(op);
  if (op.getInverse())
    return graph.binary<onnx::SubOp>("shifted", op.getInput(), op.getOffsets());
  return graph.binary<onnx::AddOp>("shifted", op.getInput(), op.getOffsets());
}

Value qllm::lowerPermute(GraphBuilder &graph, PermuteChannelsOp op) {
  graph.setSite(op);
  return gather(graph, "permuted", op.getInput(), op.getOrder());
}

Value qllm::lowerSplit(GraphBuilder &graph, SplitChannelsOp op) {
  graph.setSite(op);
  Copies copies = copiesOf(op);
  Value result = gather(graph, "copies", op.getInput(), copies.owners);
  if (allOne(copies.parts))
    return result;
  return graph.binary<onnx::DivOp>("split", result, graph.floats(copies.parts));
}

Value qllm::lowerMerge(GraphBuilder &graph, MergeChannelsOp op) {
  graph.setSite(op);
  Value input = op.getInput();
  std::optional<Copies> copies;
  if (auto split = input.getDefiningOp<SplitChannelsOp>(); split && isReadByMergesOnly(split)) {
    copies = copiesOf(split);
    input = split.getInput();
  }
  Value sum;
  for (const MergeRound &round : roundsOf(op, copies)) {
    Value member = gather(graph, "members", input, round.members);
    if (!allOne(round.shares))
      member = graph.binary<onnx::MulOp>("shares", member, graph.floats(round.shares));
    sum = sum ? graph.binary<onnx::AddOp>("merged", sum, member) : member;
  }
  return sum;
}
