// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The channel transforms that move channels. Their parameters are structure, known when compiling:
// they decide the shape of the result.

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;
using namespace qllm;

namespace {

bool isFloatMatrix(Value weight) {
  auto type = dyn_cast<RankedTensorType>(weight.getType());
  return type && type.getRank() == 2;
}

bool isIota(ArrayRef<int64_t> values) {
  return llvm::all_of(llvm::enumerate(values), [](auto entry) {
    return entry.value() == static_cast<int64_t>(entry.index());
  });
}

SmallVector<int64_t> invert(ArrayRef<int64_t> order) {
  SmallVector<int64_t> inverse(order.size());
  for (auto [position, channel] : llvm::enumerate(order))
    inverse[channel] = position;
  return inverse;
}

/// For every channel after a split, the channel it is a copy of.
SmallVector<int64_t> ownersOf(ArrayRef<int64_t> parts) {
  SmallVector<int64_t> owners;
  for (auto [channel, part] : llvm::enumerate(parts))
    owners.append(part, channel);
  return owners;
}

/// For every channel after a merge, how many channels went into it.
SmallVector<int64_t> countMembers(ArrayRef<int64_t> targets) {
  int64_t channels = targets.empty() ? 0 : *llvm::max_element(targets) + 1;
  SmallVector<int64_t> counts(channels, 0);
  for (int64_t target : targets)
    ++counts[target];
  return counts;
}

} // namespace

//===------------------------------------------------------------------------------------------===//
// permute
//===------------------------------------------------------------------------------------------===//

LogicalResult PermuteChannelsOp::applyToRow(ArrayRef<float> input, ArrayRef<ArrayRef<float>>,
                                            MutableArrayRef<float> output) {
  ArrayRef<int64_t> order = getOrder();
  if (input.size() != order.size() || output.size() != order.size())
    return failure();
  for (auto [y, channel] : llvm::zip_equal(output, order))
    y = input[channel];
  return success();
}

bool PermuteChannelsOp::isExact() { return true; }
bool PermuteChannelsOp::isIdentity() { return isIota(getOrder()); }

FailureOr<LinearParameters> PermuteChannelsOp::absorb(OpBuilder &builder,
                                                      LinearParameters consumer) {
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight = PermuteChannelsOp::create(builder, getLoc(), consumer.weight, getOrder());
  return consumer;
}

FailureOr<LinearParameters> PermuteChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                                LinearParameters consumer) {
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight =
      PermuteChannelsOp::create(builder, getLoc(), consumer.weight, invert(getOrder()));
  return consumer;
}

FailureOr<Value> PermuteChannelsOp::composeAfter(OpBuilder &builder, ChannelTransform first, bool) {
  auto permute = dyn_cast<PermuteChannelsOp>(first.getOperation());
  if (!permute)
    return failure();
  ArrayRef<int64_t> inner = permute.getOrder();
  auto order = llvm::map_to_vector(getOrder(), [&](int64_t channel) { return inner[channel]; });
  return Value(PermuteChannelsOp::create(builder, getLoc(), permute.getInput(), order));
}

namespace {

/// Whether every head of the attention is permuted inside itself and all in the same way. Query
/// heads may share a value head, so different orders could not all be served.
bool permutesHeadsAlike(ArrayRef<int64_t> order, int64_t headSize) {
  if (headSize <= 0 || order.size() % headSize != 0)
    return false;
  for (auto [position, channel] : llvm::enumerate(order)) {
    int64_t head = position / headSize, within = position % headSize;
    if (order[within] >= headSize || channel != head * headSize + order[within])
      return false;
  }
  return true;
}

} // namespace

bool PermuteChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t headSize) {
  if (producer == ProducerKind::AttentionValue)
    return permutesHeadsAlike(getOrder(), headSize);
  return producer == ProducerKind::LinearRows || producer == ProducerKind::GatedProduct;
}

//===------------------------------------------------------------------------------------------===//
// split
//===------------------------------------------------------------------------------------------===//

LogicalResult SplitChannelsOp::applyToRow(ArrayRef<float> input, ArrayRef<ArrayRef<float>>,
                                          MutableArrayRef<float> output) {
  if (input.size() != getParts().size() ||
      output.size() != static_cast<size_t>(getResult().getType().getShape().back()))
    return failure();
  float *next = output.data();
  for (auto [x, part] : llvm::zip_equal(input, getParts()))
    next = std::fill_n(next, part, getRepeat() ? x : x / static_cast<float>(part));
  return success();
}

SmallVector<float> SplitChannelsOp::computeRoundingOffsets() {
  SmallVector<float> offsets;
  for (int64_t part : getParts())
    for (int64_t copy : llvm::seq<int64_t>(0, part))
      offsets.push_back(static_cast<float>(2 * copy + 1 - part) / static_cast<float>(2 * part));
  return offsets;
}

bool SplitChannelsOp::isExact() { return true; }

bool SplitChannelsOp::isIdentity() {
  return llvm::all_of(getParts(), [](int64_t part) { return part == 1; });
}

FailureOr<LinearParameters> SplitChannelsOp::absorb(OpBuilder &builder, LinearParameters consumer) {
  // A split's columns are repeated, a repeat's columns split: each copy adds its share.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight = SplitChannelsOp::create(builder, getLoc(), consumer.weight, getParts(),
                                            /*repeat=*/!getRepeat(), /*rounding_offsets=*/false);
  return consumer;
}

FailureOr<LinearParameters> SplitChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                              LinearParameters consumer) {
  // x/T times each of T columns is x times their mean, x times each is x times their sum.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight = MergeChannelsOp::create(builder, getLoc(), consumer.weight,
                                            ownersOf(getParts()), /*sum=*/getRepeat());
  return consumer;
}

namespace {

/// The parts of two splits in a row as one, or failure where no single split gives the same shares.
FailureOr<SmallVector<int64_t>> composeParts(SplitChannelsOp first, SplitChannelsOp second,
                                             bool allowRounding) {
  ArrayRef<int64_t> next = second.getParts();
  SmallVector<int64_t> parts;
  for (int64_t part : first.getParts()) {
    ArrayRef<int64_t> copies = next.take_front(part);
    next = next.drop_front(part);
    if (!first.getRepeat()) {
      // x / a / b is x / (a b) only if every copy is divided alike, to the bit only for powers of
      // two.
      bool alike = llvm::all_equal(copies);
      bool bitExact = llvm::isPowerOf2_64(part) && llvm::isPowerOf2_64(copies.front());
      if (!alike || (!allowRounding && !bitExact))
        return failure();
    }
    parts.push_back(std::accumulate(copies.begin(), copies.end(), int64_t(0)));
  }
  return parts;
}

} // namespace

FailureOr<Value> SplitChannelsOp::composeAfter(OpBuilder &builder, ChannelTransform first,
                                               bool allowRounding) {
  auto split = dyn_cast<SplitChannelsOp>(first.getOperation());
  // Offsets belong to the copies of one split; those of two do not combine.
  if (!split || split.getRepeat() != getRepeat() || split.getRoundingOffsets() ||
      getRoundingOffsets())
    return failure();
  FailureOr<SmallVector<int64_t>> parts = composeParts(split, *this, allowRounding);
  if (failed(parts))
    return failure();
  return Value(SplitChannelsOp::create(builder, getLoc(), split.getInput(), *parts, getRepeat(),
                                       /*rounding_offsets=*/false));
}

bool SplitChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t) {
  // A norm would take its statistics over the copies; a head would change its width.
  return producer == ProducerKind::LinearRows || producer == ProducerKind::GatedProduct;
}

//===------------------------------------------------------------------------------------------===//
// merge
//===------------------------------------------------------------------------------------------===//

LogicalResult MergeChannelsOp::applyToRow(ArrayRef<float> input, ArrayRef<ArrayRef<float>>,
                                          MutableArrayRef<float> output) {
  SmallVector<int64_t> counts = countMembers(getTargets());
  if (input.size() != getTargets().size() || output.size() != counts.size())
    return failure();
  llvm::fill(output, 0.0f);
  for (auto [x, target] : llvm::zip_equal(input, getTargets()))
    output[target] += x;
  if (!getSum())
    for (auto [y, count] : llvm::zip_equal(output, counts))
      y /= static_cast<float>(count);
  return success();
}

bool MergeChannelsOp::isExact() {
  return isIdentity() || countMembers(getTargets()).size() == getTargets().size();
}
bool MergeChannelsOp::isIdentity() { return isIota(getTargets()); }

FailureOr<LinearParameters> MergeChannelsOp::absorb(OpBuilder &builder, LinearParameters consumer) {
  // The mean of the members stands for each of them, so its column is their sum; a sum the other
  // way round.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  consumer.weight = MergeChannelsOp::create(builder, getLoc(), consumer.weight, getTargets(),
                                            /*sum=*/!getSum());
  return consumer;
}

FailureOr<LinearParameters> MergeChannelsOp::foldIntoConsumer(OpBuilder &builder,
                                                              LinearParameters consumer) {
  // Every member uses the column of its target (its share of it, for a mean): split the columns,
  // then put the copies where the members are.
  if (!isFloatMatrix(consumer.weight))
    return failure();
  ArrayRef<int64_t> targets = getTargets();
  SmallVector<int64_t> members = llvm::to_vector(llvm::seq<int64_t>(0, targets.size()));
  llvm::sort(members, [&](int64_t a, int64_t b) {
    return std::pair(targets[a], a) < std::pair(targets[b], b);
  });
  Value columns = SplitChannelsOp::create(builder, getLoc(), consumer.weight, countMembers(targets),
                                          /*repeat=*/getSum(), /*rounding_offsets=*/false);
  consumer.weight = PermuteChannelsOp::create(builder, getLoc(), columns, invert(members));
  return consumer;
}

FailureOr<Value> MergeChannelsOp::composeAfter(OpBuilder &, ChannelTransform first,
                                               bool allowRounding) {
  // Merging exactly the copies of a split gives back the channels: shares are summed, repeats
  // averaged.
  auto split = dyn_cast<SplitChannelsOp>(first.getOperation());
  if (!split || !allowRounding || split.getRepeat() == getSum() ||
      getTargets() != ArrayRef<int64_t>(ownersOf(split.getParts())) ||
      split.getInput().getType() != getResult().getType())
    return failure();
  return split.getInput();
}

bool MergeChannelsOp::canFoldIntoProducer(ProducerKind producer, int64_t) {
  return producer == ProducerKind::LinearRows;
}
