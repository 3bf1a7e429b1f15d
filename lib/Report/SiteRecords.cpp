// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read off the result as it is: the operations in front of a layer say what was done to its input.

#include "Measuring.h"
#include "qllm/Analysis/SitePlan.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/SiteAttribute.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace qllm;
using namespace qllm::report;

namespace {

constexpr size_t maximumBins = 96;
/// A channel over so many times the median channel is an outlier.
constexpr float outlierFactor = 8;

int64_t widthOf(Value value) {
  std::optional<ArrayRef<int64_t>> shape = getTensorShape(value.getType());
  return shape && !shape->empty() && !ShapedType::isDynamic(shape->back()) ? shape->back() : 0;
}

int64_t rankOf(Value weight) {
  std::optional<ArrayRef<int64_t>> shape = getTensorShape(weight.getType());
  return shape && shape->size() == 2 ? shape->front() : 0;
}

void readOperation(Operation *op, SiteRecord &record) {
  record.shifted |= isa<ShiftChannelsOp>(op);
  record.scaled |= isa<ScaleChannelsOp>(op);
  record.rotated |= isa<RotateChannelsOp>(op);
  record.permuted |= isa<PermuteChannelsOp>(op);
  if (auto split = dyn_cast<SplitChannelsOp>(op)) {
    for (int64_t parts : split.getParts()) {
      record.splitChannels += parts > 1;
      record.copiesAdded += parts - 1;
    }
    record.roundingOffsets = split.getRoundingOffsets();
  }
  if (auto merge = dyn_cast<MergeChannelsOp>(op))
    record.mergedChannels += widthOf(merge->getOperand(0)) - widthOf(merge->getResult(0));
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    record.clip = quantize.getClip() ? quantize.getClip()->convertToDouble() : 1;
  if (isa<onnx::SubOp>(op))
    if (auto back = op->getOperand(1).getDefiningOp<LinearOp>())
      record.principalRank = widthOf(back.getWeight());
}

/// Branches beside the layer read what it reads.
int64_t branchRank(LinearOp linear) {
  for (Operation *user : linear.getInput().getUsers())
    if (auto branch = dyn_cast<LowRankOp>(user))
      return rankOf(branch.getDown());
  return 0;
}

void readDecisions(LinearOp linear, SiteRecord &record) {
  auto decisions = linear->getAttrOfType<DictionaryAttr>(siteAttr);
  if (!decisions)
    return;
  if (auto chosen = decisions.getAs<StringAttr>("transform"))
    record.chosen = chosen.str();
  if (auto scores = decisions.getAs<DictionaryAttr>("scores"))
    for (NamedAttribute score : scores)
      if (auto number = dyn_cast<FloatAttr>(score.getValue()))
        record.scores.emplace_back(score.getName().str(), number.getValueAsDouble());
}

std::string formatName(Type type) {
  auto quantized = dyn_cast<QuantizedType>(type);
  return quantized ? quantized.getFormat().getFormatName() : "";
}

SiteRecord describeSite(ArrayRef<const Layer *> layers) {
  SiteRecord record;
  const Layer &first = *layers.front();
  record.kind = first.kind;
  record.block = first.block;
  for (const Layer *layer : layers)
    record.layers.push_back(layer->name);
  record.name = first.name;
  for (const Layer *layer : layers.drop_front())
    record.name += "+" + StringRef(layer->name).rsplit('.').second.str();
  LinearOp linear = first.linear;
  Value activation = activationOf(linear);
  for (Value value = linear.getInput(); value != activation;
       value = value.getDefiningOp()->getOperand(0))
    readOperation(value.getDefiningOp(), record);
  record.quantizedChannels = widthOf(linear.getWeight());
  record.channels = widthOf(activation);
  if (!record.channels)
    record.channels = record.quantizedChannels - record.copiesAdded + record.mergedChannels;
  record.branchRank = branchRank(linear);
  record.inputFormat = formatName(linear.getInput().getType());
  readDecisions(linear, record);
  return record;
}

/// Largest magnitude of each channel over all tokens of all windows.
llvm::Expected<ChannelRanges> rangesOf(const WindowValues &values) {
  std::vector<int64_t> borders;
  llvm::Expected<MatrixF> rows = toMatrix(values, borders);
  if (!rows)
    return rows.takeError();
  std::vector<float> largest(size_t(rows->columns()));
  for (int64_t row = 0; row < rows->rows(); ++row)
    for (size_t j = 0; j < largest.size(); ++j)
      largest[j] = std::max(largest[j], std::fabs((*rows)(row, int64_t(j))));
  ChannelRanges ranges;
  ranges.channels = int64_t(largest.size());
  if (largest.empty())
    return ranges;
  std::vector<float> sorted(largest);
  std::nth_element(sorted.begin(), sorted.begin() + long(sorted.size() / 2), sorted.end());
  ranges.median = sorted[sorted.size() / 2];
  ranges.largest = *llvm::max_element(largest);
  size_t bins = std::min(maximumBins, largest.size());
  ranges.bins.resize(bins);
  for (auto [j, value] : llvm::enumerate(largest)) {
    ranges.outliers += value > outlierFactor * ranges.median;
    float ratio = ranges.median > 0 ? value / ranges.median : 0;
    float &bin = ranges.bins[j * bins / largest.size()];
    bin = std::max(bin, ratio);
  }
  return ranges;
}

/// Walks one form and measures what `valueOf` gives for the first layer of each site.
LogicalResult measureRanges(ModuleOp module, const Inputs &inputs, Measurements &result,
                            llvm::function_ref<Value(LinearOp)> valueOf,
                            std::optional<ChannelRanges> SiteRecord::*where, RunListener *listener,
                            size_t done) {
  interp::OperationRunner runner(module, result.options.threads);
  BlockList list = findBlocks(mainOf(module));
  std::vector<std::pair<SiteRecord *, Value>> targets;
  for (SiteRecord &site : result.sites)
    if (const Layer *layer = list.find(site.layers.front()))
      targets.emplace_back(&site, valueOf(layer->linear));
  std::vector<Value> remaining;
  for (auto &target : llvm::reverse(targets))
    remaining.push_back(target.second);
  Walk walk(mainOf(module), runner, inputs);
  for (auto &[site, value] : targets) {
    if (listener)
      listener->progress("report: channels", done++, 2 * result.sites.size());
    remaining.pop_back();
    const WindowValues *values = walk.advance(value, remaining);
    if (!values)
      return failure();
    llvm::Expected<ChannelRanges> ranges = rangesOf(*values);
    if (!ranges)
      return mainOf(module).emitError(llvm::toString(ranges.takeError()));
    (*site).*where = std::move(*ranges);
  }
  return success();
}

} // namespace

LogicalResult report::measureSites(const Forms &forms, const Inputs &inputs, Measurements &result,
                                   RunListener *listener) {
  BlockList list = findBlocks(mainOf(forms.result));
  llvm::MapVector<Value, SmallVector<const Layer *>> groups;
  for (const Layer &layer : list.layers)
    groups[LinearOp(layer.linear).getInput()].push_back(&layer);
  for (auto &[input, layers] : groups)
    result.sites.push_back(describeSite(layers));
  if (failed(measureRanges(
          forms.original, inputs, result, [](LinearOp linear) { return linear.getInput(); },
          &SiteRecord::before, listener, 0)) ||
      failed(measureRanges(forms.result, inputs, result, quantizerInput, &SiteRecord::after,
                           listener, result.sites.size())))
    return failure();
  if (listener)
    listener->progress("report: channels", 2 * result.sites.size(), 2 * result.sites.size());
  return success();
}
