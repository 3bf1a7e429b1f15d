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
  LogicalResult makeKeysStatic(const SiteState &state, const OutputStatistics &all,
                               const EmittedSite &emitted);
  LogicalResult center(const SiteState &state, const OutputStatistics &all,
                       const EmittedSite &emitted, AverageRow averageRow);
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

LogicalResult QuantizeSites::makeKeysStatic(const SiteState &state, const OutputStatistics &all,
                                            const EmittedSite &emitted) {
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

LogicalResult QuantizeSites::center(const SiteState &state, const OutputStatistics &all,
                                    const EmittedSite &emitted, AverageRow averageRow) {
  for (auto [product, output] : llvm::zip_equal(state.products, emitted.outputs)) {
    if (isStaticKeys(output))
      continue;
    ArrayRef<float> mean = ArrayRef(all.mean).slice(size_t(product.firstRow), size_t(product.rows));
    FailureOr<Centered> centered = centerForCache
                                       ? centerAttentionForCache(output, mean, averageRow)
                                       : qllm::centerAttention(output, mean);
    if (failed(centered))
      return failure();
    numCentered += centered->quantizers;
    if (!centered->problem.empty())
      emitRemark(output.getLoc()) << "mean of '" << product.name
                                  << "' not taken off: " << centered->problem;
  }
  return success();
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
  if (centerForCache && !centerAttention)
    return fail("expected center-attention beside center-for-cache");
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
  bool staticKeys = keyGranularity == "channel";
  quantizer.setMeasured([&](const Site &site) {
    return site.kind == SiteKind::AttentionInput && (staticKeys || centerAttention);
  });
  quantizer.setFinished([&](const Site &site, const SiteState &state, const SiteOutcome &outcome,
                            const EmittedSite &emitted) {
    if (!outcome.output || outcome.output->mean.empty())
      return success();
    if (staticKeys && failed(makeKeysStatic(state, *outcome.output, emitted)))
      return failure();
    if (!centerAttention)
      return success();
    return center(state, *outcome.output, emitted,
                  [&](Value table) { return quantizer.averageRow(table); });
  });
  LogicalResult result = quantizer.run(list, std::move(*inputs));
  const SiteCounts &counts = quantizer.counts();
  numSites += counts.sites;
  numRewritten += counts.rewritten;
  numSkipped += counts.skipped;
  numSinks += counts.sinks;
  return result;
}
