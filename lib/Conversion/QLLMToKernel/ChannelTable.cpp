// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Goes backwards: each transform that is found comes before all of the table so far.

#include "ChannelTable.h"

#include "llvm/ADT/TypeSwitch.h"
#include <algorithm>

using namespace mlir;
using namespace qllm;

namespace {

constexpr size_t mostSources = 16; // qk.quantize_c2

std::vector<std::vector<int32_t>> identity(int64_t columns) {
  std::vector<std::vector<int32_t>> sources;
  for (int64_t j = 0; j < columns; ++j)
    sources.push_back({int32_t(j)});
  return sources;
}

class Matcher {
public:
  Matcher(ChannelTable &table, ConstantValues &constants) : table(table), constants(constants) {}

  /// Whether the transform became part of the table.
  bool prepend(ChannelTransform op) {
    return llvm::TypeSwitch<Operation *, bool>(op.getOperation())
        .Case<RotateChannelsOp, ScaleChannelsOp, ShiftChannelsOp, SplitChannelsOp, MergeChannelsOp,
              PermuteChannelsOp>([&](auto found) { return match(found); })
        .Default([](Operation *) { return false; });
  }

private:
  /// The kernel rotates last.
  bool match(RotateChannelsOp op) {
    if (!isFirst || !op.getHadamard() || op.getStride() != 1)
      return false;
    table.hadamard = *op.getHadamard();
    return true;
  }

  bool match(ScaleChannelsOp op) {
    std::optional<std::vector<float>> values = constants.get(op.getFactors());
    if (!values)
      return false;
    // One factor for a sum: that of all of its sources.
    for (ArrayRef<int32_t> sources : table.sources)
      for (int32_t source : sources)
        if ((*values)[source] != (*values)[sources.front()])
          return false;
    for (auto [j, sources] : llvm::enumerate(table.sources)) {
      float factor = (*values)[sources.front()];
      table.factors[j] = op.getInverse() ? table.factors[j] / factor : table.factors[j] * factor;
    }
    return true;
  }

  bool match(ShiftChannelsOp op) {
    std::optional<std::vector<float>> values = constants.get(op.getOffsets());
    if (!values)
      return false;
    for (auto [j, sources] : llvm::enumerate(table.sources)) {
      double sum = 0;
      for (int32_t source : sources)
        sum += double((*values)[source]);
      table.offsets[j] += table.factors[j] * float(op.getInverse() ? -sum : sum);
    }
    return true;
  }

  bool match(SplitChannelsOp op) {
    std::vector<std::vector<int32_t>> origin;
    std::vector<float> divisors;
    for (auto [channel, parts] : llvm::enumerate(op.getParts()))
      for (int64_t t = 0; t < parts; ++t) {
        origin.push_back({int32_t(channel)});
        divisors.push_back(op.getRepeat() ? 1 : float(parts));
      }
    return compose(origin, divisors);
  }

  bool match(PermuteChannelsOp op) {
    std::vector<std::vector<int32_t>> origin;
    for (int64_t channel : op.getOrder())
      origin.push_back({int32_t(channel)});
    return compose(origin, std::vector<float>(origin.size(), 1));
  }

  bool match(MergeChannelsOp op) {
    std::vector<std::vector<int32_t>> origin(
        size_t(*std::max_element(op.getTargets().begin(), op.getTargets().end())) + 1);
    for (auto [channel, target] : llvm::enumerate(op.getTargets()))
      origin[size_t(target)].push_back(int32_t(channel));
    std::vector<float> divisors;
    for (ArrayRef<int32_t> members : origin)
      divisors.push_back(op.getSum() ? 1 : float(members.size()));
    return compose(origin, divisors);
  }

  /// The table after z[i] = (sum of x over origin[i]) / divisors[i].
  bool compose(const std::vector<std::vector<int32_t>> &origin, ArrayRef<float> divisors) {
    for (ArrayRef<int32_t> sources : table.sources) {
      size_t count = 0;
      for (int32_t source : sources) {
        count += origin[source].size();
        if (divisors[source] != divisors[sources.front()])
          return false;
      }
      if (count > mostSources)
        return false;
    }
    for (auto [j, sources] : llvm::enumerate(table.sources)) {
      std::vector<int32_t> before;
      table.factors[j] /= divisors[sources.front()];
      for (int32_t source : sources)
        before.insert(before.end(), origin[source].begin(), origin[source].end());
      table.sources[j] = std::move(before);
    }
    return true;
  }

public:
  bool isFirst = true; ///< nothing is in the table yet

private:
  ChannelTable &table;
  ConstantValues &constants;
};

int64_t channelsOf(Value x) { return cast<RankedTensorType>(x.getType()).getShape().back(); }

} // namespace

bool ChannelTable::gathers() const {
  return int64_t(sources.size()) != columns || sources != identity(columns);
}

void ChannelTable::repeatUpTo(int64_t count) {
  repeatLast(sources, hadamard, count);
  repeatLast(factors, hadamard, count);
  repeatLast(offsets, hadamard, count);
}

ChannelTable qllm::matchChannels(Value x, ConstantValues &constants, int64_t readers) {
  ChannelTable table;
  table.input = x;
  table.columns = channelsOf(x);
  if (ShapedType::isDynamic(table.columns))
    return table;
  table.sources = identity(table.columns);
  table.factors.assign(size_t(table.columns), 1);
  table.offsets.assign(size_t(table.columns), 0);
  Matcher matcher(table, constants);
  while (auto op = table.input.getDefiningOp<ChannelTransform>()) {
    Value before = op.getTransformInput();
    if (!op->getResult(0).hasNUses(unsigned(matcher.isFirst ? readers : 1)) ||
        ShapedType::isDynamic(channelsOf(before)) || !matcher.prepend(op))
      break;
    matcher.isFirst = false;
    table.input = before;
    table.columns = channelsOf(before);
  }
  return table;
}
