// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms as gathers and elementwise operators; channels are the last axis.

#include "LowerChannels.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include <cmath>

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

/// The symmetric matrix of `qllm.rotate_channels hadamard`.
std::vector<float> hadamard(int64_t size) {
  std::vector<float> matrix(size * size);
  float entry = 1.0f / std::sqrt(static_cast<float>(size));
  for (int64_t row = 0; row < size; ++row)
    for (int64_t column = 0; column < size; ++column)
      matrix[row * size + column] = llvm::popcount(uint64_t(row & column)) % 2 ? -entry : entry;
  return matrix;
}

/// The matrix of a rotation, or its transpose.
Value rotation(GraphBuilder &graph, RotateChannelsOp op, bool transposed) {
  if (std::optional<uint64_t> size = op.getHadamard())
    return graph.matrix(hadamard(*size), *size); // its own transpose
  Value matrix = op.getMatrix();
  if (!transposed)
    return matrix;
  Builder &builder = graph.getBuilder();
  return graph.node<onnx::TransposeOp>(
      "rotation", matrix.getType(), matrix,
      {builder.getNamedAttr("perm", builder.getDenseI64ArrayAttr({1, 0}))});
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

/// Channels as [.., parts, size, stride]: y = R^T x in every part, or without a stride y = x R on
/// rows of `size`.
FailureOr<Value> qllm::lowerRotate(GraphBuilder &graph, RotateChannelsOp op) {
  RankedTensorType type = op.getInput().getType();
  int64_t size = op.getBlockSize(), stride = op.getStride(), width = type.getShape().back();
  if (ShapedType::isDynamic(size) || ShapedType::isDynamic(width))
    return op.emitOpError() << "expected a known number of channels and a matrix of known size, "
                               "but got "
                            << type;
  graph.setSite(op);
  int64_t leading = type.getRank() - 1;
  SmallVector<int64_t> shape(type.getShape().drop_back()), split(leading, 0), joined(leading, 0);
  auto append = [&](int64_t dimension) {
    shape.push_back(dimension);
    split.push_back(dimension);
  };
  append(width / (size * stride));
  append(size);
  if (stride != 1)
    append(stride);
  joined.push_back(width);
  Value x = graph.node<onnx::ReshapeOp>("parts", type.clone(shape),
                                        {op.getInput(), graph.integers(split)});
  // The inverse of R is its transpose.
  Value matrix = rotation(graph, op, (stride != 1) != op.getInverse());
  SmallVector<Value> operands{x, matrix};
  if (stride != 1)
    std::swap(operands[0], operands[1]);
  x = graph.node<onnx::MatMulOp>("rotate", x.getType(), operands);
  return graph.node<onnx::ReshapeOp>("rotated", type, {x, graph.integers(joined)});
}
