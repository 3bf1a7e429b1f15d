// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-quantize-sites: options into a run.

#include "qllm/Transforms/Sites/Passes.h"

#include "SiteQuantizer.h"
#include "qllm/Calibration/CalibrationData.h"
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
  LogicalResult fail(const llvm::Twine &message) { return getOperation().emitError() << message; }
};

} // namespace

LogicalResult QuantizeSites::run() {
  llvm::Expected<std::vector<NamedStep>> parsed = parseSteps(steps);
  if (!parsed)
    return fail(llvm::toString(parsed.takeError()));
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
  LogicalResult result = quantizer.run(list, std::move(*inputs));
  const SiteCounts &counts = quantizer.counts();
  numSites += counts.sites;
  numRewritten += counts.rewritten;
  numSkipped += counts.skipped;
  numSinks += counts.sinks;
  return result;
}
