// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-plan-group-sizes: as many scales for each weight as its values ask for.

#include "qllm/Transforms/Rounding/Passes.h"

#include "WeightReader.h"
#include "mlir/IR/Threading.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

namespace qllm {
#define GEN_PASS_DEF_PLANGROUPSIZES
#include "qllm/Transforms/Rounding/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct PlanGroupSizes : qllm::impl::PlanGroupSizesBase<PlanGroupSizes> {
  using PlanGroupSizesBase::PlanGroupSizesBase;

  void runOnOperation() override;

private:
  QuantizedType choose(const WeightReader &weight, QuantizedType type);
};

/// Sizes from the whole row on, each half of the one before, none below `smallest`.
SmallVector<int64_t> halvedSizes(int64_t columns, int64_t smallest) {
  SmallVector<int64_t> sizes{columns};
  while (sizes.back() % 2 == 0 && sizes.back() / 2 >= smallest)
    sizes.push_back(sizes.back() / 2);
  return sizes;
}

struct Extremes {
  float low, high;
};

/// Sums, over the groups of one row, of what a group's scale is taken from; one for each size.
/// `sizes` halve, so the groups of one size are pairs of those of the next.
void addRanges(ArrayRef<float> row, ArrayRef<int64_t> sizes, bool symmetric,
               MutableArrayRef<double> sums) {
  std::vector<Extremes> groups;
  for (size_t begin = 0; begin < row.size(); begin += sizes.back()) {
    ArrayRef<float> group = row.slice(begin, sizes.back());
    auto [low, high] = std::minmax_element(group.begin(), group.end());
    groups.push_back({*low, *high});
  }
  for (size_t i = sizes.size(); i-- > 0;) {
    double sum = 0;
    for (const Extremes &group : groups)
      sum += symmetric ? std::max(std::fabs(group.low), std::fabs(group.high))
                       : double(group.high) - group.low;
    sums[i] += sum / groups.size();
    if (i == 0)
      return;
    for (size_t pair = 0; pair < groups.size() / 2; ++pair)
      groups[pair] = {std::min(groups[2 * pair].low, groups[2 * pair + 1].low),
                      std::max(groups[2 * pair].high, groups[2 * pair + 1].high)};
    groups.resize(groups.size() / 2);
  }
}

/// The mean range of the groups of each size.
std::vector<double> meanRanges(MLIRContext *context, const WeightReader &weight,
                               ArrayRef<int64_t> sizes, bool symmetric) {
  constexpr int64_t blockRows = 64;
  int64_t blocks = llvm::divideCeil(weight.rows(), blockRows);
  // Each block has sums of its own, added up in order: the same for any number of threads.
  std::vector<std::vector<double>> sums(blocks, std::vector<double>(sizes.size()));
  parallelFor(context, 0, blocks, [&](size_t block) {
    std::vector<float> scratch;
    int64_t first = block * blockRows, rows = std::min(blockRows, weight.rows() - first);
    ArrayRef<float> values = weight.read(first, rows, scratch);
    for (int64_t row = 0; row < rows; ++row)
      addRanges(values.slice(row * weight.columns(), weight.columns()), sizes, symmetric,
                sums[block]);
  });
  std::vector<double> means(sizes.size());
  for (const std::vector<double> &part : sums)
    for (auto [mean, value] : llvm::zip_equal(means, part))
      mean += value / weight.rows();
  return means;
}

} // namespace

QuantizedType PlanGroupSizes::choose(const WeightReader &weight, QuantizedType type) {
  SmallVector<int64_t> sizes = halvedSizes(weight.columns(), smallest);
  std::vector<double> ranges = meanRanges(&getContext(), weight, sizes, !type.hasZeroPoint());
  size_t chosen = 0;
  while (chosen + 1 < sizes.size() && ranges[chosen + 1] <= shrink * ranges[chosen])
    ++chosen;
  if (chosen == 0)
    return type;
  ++numGrouped;
  return QuantizedType::get(type.getShape(), type.getFormat(),
                            GranularityAttr::group(&getContext(), 1, sizes[chosen]),
                            type.getScaleEncoding(), type.getTensorScale());
}

void PlanGroupSizes::runOnOperation() {
  if (smallest < 2) {
    getOperation().emitError() << "expected at least 2 as smallest, but got " << int64_t(smallest);
    return signalPassFailure();
  }
  if (!(shrink > 0 && shrink <= 1)) {
    getOperation().emitError() << "expected a shrink above 0 and at most 1, but got "
                               << llvm::formatv("{0:f2}", double(shrink)).str();
    return signalPassFailure();
  }
  bool threads = getContext().isMultithreadingEnabled();
  interp::OperationRunner runner(getOperation(), threads ? getContext().getNumThreads() : 1);
  // Readers of one weight get one size.
  llvm::MapVector<Value, SmallVector<LinearOp>> readers;
  getOperation().walk([&](LinearOp linear) { readers[linear.getWeight()].push_back(linear); });
  for (auto &[weight, linears] : readers) {
    FailureOr<SitePlan> plan = SitePlan::of(linears.front());
    if (failed(plan))
      return signalPassFailure();
    if (!plan->weight || !plan->weight.getGranularity().isPerChannel())
      continue;
    ++numMatched;
    llvm::Expected<WeightReader> reader = WeightReader::create(runner, weight);
    if (!reader) {
      // qllm-quantize-weights says so too, and skips it.
      llvm::consumeError(reader.takeError());
      continue;
    }
    QuantizedType type = choose(*reader, plan->weight);
    for (LinearOp linear : linears) {
      FailureOr<SitePlan> each = SitePlan::of(linear);
      if (failed(each))
        return signalPassFailure();
      each->weight = each->weight == plan->weight ? type : each->weight;
      each->attachTo(linear);
    }
  }
}
