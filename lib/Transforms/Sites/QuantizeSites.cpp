// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-quantize-sites: options into a run.

#include "qllm/Transforms/Sites/Passes.h"

#include "SiteQuantizer.h"
#include "qllm/Calibration/BalanceHeads.h"
#include "qllm/Calibration/CalibrationData.h"
#include "qllm/Calibration/CenterAttention.h"
#include "qllm/Calibration/StaticKeys.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"

namespace qllm {
#define GEN_PASS_DEF_QUANTIZESITES
#include "qllm/Transforms/Sites/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

struct QuantizeSites : qllm::impl::QuantizeSitesBase<QuantizeSites> {
  using QuantizeSitesBase::QuantizeSitesBase;

  void runOnOperation() override {
    if (failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult run();
  void balance(const Site &site, SiteState &state);
  LogicalResult makeKeysStatic(const SiteState &state, const MatrixF &y,
                               const EmittedSite &emitted);
  void center(const SiteState &state, const MatrixF &y, const EmittedSite &emitted);
  LogicalResult fail(const llvm::Twine &message) { return getOperation().emitError() << message; }
};

} // namespace

void QuantizeSites::balance(const Site &site, SiteState &state) {
  std::string problem = qllm::balanceHeads(site, state);
  LinearOp first = site.linears.front();
  if (problem.empty())
    ++numBalanced;
  else
    first->emitRemark() << "queries and keys not balanced: " << problem;
}

/// The mean of each output over the tokens that are no attention sinks.
static std::vector<float> outputMeans(const SiteState &state, const MatrixF &y) {
  std::vector<double> sums(size_t(y.columns()));
  int64_t count = 0;
  for (int64_t row = 0; row < y.rows(); ++row) {
    if (size_t(row) < state.sinks.size() && state.sinks[size_t(row)])
      continue;
    ++count;
    for (size_t j = 0; j < sums.size(); ++j)
      sums[j] += y(row, int64_t(j));
  }
  std::vector<float> means;
  for (double sum : sums)
    means.push_back(count ? float(sum / double(count)) : 0.0f);
  return means;
}

/// Lowest and highest value of each output over all tokens: attention needs the keys of sinks too.
static ChannelRanges outputRanges(const MatrixF &y) {
  ChannelRanges ranges;
  for (int64_t j = 0; j < y.columns(); ++j) {
    float low = y(0, j), high = y(0, j);
    for (int64_t row = 1; row < y.rows(); ++row) {
      low = std::min(low, y(row, j));
      high = std::max(high, y(row, j));
    }
    ranges.lowest.push_back(low);
    ranges.highest.push_back(high);
  }
  return ranges;
}

LogicalResult QuantizeSites::makeKeysStatic(const SiteState &state, const MatrixF &y,
                                            const EmittedSite &emitted) {
  if (y.rows() == 0)
    return success();
  ChannelRanges all = outputRanges(y);
  for (auto [product, output] : llvm::zip_equal(state.products, emitted.outputs)) {
    auto own = [&](const std::vector<float> &values) {
      auto first = values.begin() + product.firstRow;
      return std::vector<float>(first, first + product.rows);
    };
    FailureOr<bool> done = quantizeKeysByChannel(output, {own(all.lowest), own(all.highest)});
    if (failed(done))
      return failure();
    numStaticKeys += *done;
  }
  return success();
}

void QuantizeSites::center(const SiteState &state, const MatrixF &y, const EmittedSite &emitted) {
  std::vector<float> means = outputMeans(state, y);
  for (auto [product, output] : llvm::zip_equal(state.products, emitted.outputs)) {
    if (isStaticKeys(output))
      continue;
    Centered centered = qllm::centerAttention(
        output, ArrayRef(means).slice(size_t(product.firstRow), size_t(product.rows)));
    numCentered += centered.quantizers;
    if (!centered.problem.empty())
      emitRemark(output.getLoc()) << "mean of '" << product.name
                                  << "' not taken off: " << centered.problem;
  }
}

LogicalResult QuantizeSites::run() {
  llvm::Expected<std::vector<NamedStep>> parsed = parseSteps(steps);
  if (!parsed)
    return fail(llvm::toString(parsed.takeError()));
  if (keyGranularity != "token" && keyGranularity != "channel")
    return fail("expected key-granularity to be token or channel, but got '" + keyGranularity +
                "'");
  if (!(sinkFactor == 0 || sinkFactor >= 1))
    return getOperation().emitError()
           << "expected sink-factor to be 0 or at least 1, but got " << double(sinkFactor);
  auto main = getOperation().lookupSymbol<func::FuncOp>("main");
  if (!main || !llvm::hasSingleElement(main.getBody()))
    return fail("expected a function 'main' of one block to calibrate, but the module has none");
  SiteList list = findSites(main, isPlanned);
  for (const Site &site : list.sites)
    numMatched += site.linears.size();
  numMatched += list.left.size();
  auto inputs = readCalibration(main, {calibration, calibrationWindows, calibrationLength});
  if (!inputs)
    return fail("calibration: " + llvm::toString(inputs.takeError()));
  SiteQuantizer quantizer(main, std::move(*parsed), uint64_t(seed));
  quantizer.setFitsFinalNorm(finalNorm);
  quantizer.setSinkFactor(sinkFactor);
  quantizer.setPrepared([&](const Site &site, SiteState &state) {
    if (balanceHeads && site.kind == SiteKind::AttentionInput)
      balance(site, state);
  });
  quantizer.setFinished([&](const Site &site, SiteState &state, const EmittedSite &emitted) {
    bool staticKeys = keyGranularity == "channel";
    if (site.kind != SiteKind::AttentionInput || !(staticKeys || centerAttention))
      return success();
    MatrixF y = state.output();
    if (staticKeys && failed(makeKeysStatic(state, y, emitted)))
      return failure();
    if (centerAttention)
      center(state, y, emitted);
    return success();
  });
  LogicalResult result = quantizer.run(list, std::move(*inputs));
  const SiteCounts &counts = quantizer.counts();
  numSites += counts.sites;
  numRewritten += counts.rewritten;
  numSkipped += counts.skipped;
  numSinks += counts.sinks;
  return result;
}
