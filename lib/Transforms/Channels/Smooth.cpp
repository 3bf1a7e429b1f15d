// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// qllm-smooth: everything is looked at in the float model first; scales are put in afterwards, so
// the factors of a site do not depend on those of another.

#include "qllm/Transforms/Channels/Passes.h"

#include "SmoothSearch.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/Transforms/FoldIntoProducers.h"
#include "qllm/Solver/Smoothing.h"
#include "qllm/Support/Bytes.h"

namespace qllm {
#define GEN_PASS_DEF_SMOOTH
#include "qllm/Transforms/Channels/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;

namespace {

/// Heads that share values need equal factors: the greatest of the group for all.
void shareAmongHeads(const AttentionValues &values, std::vector<float> &maxima) {
  int64_t group = values.queryHeads / values.valueHeads, size = values.headSize;
  for (int64_t shared = 0; shared < values.valueHeads; ++shared)
    for (int64_t i = 0; i < size; ++i) {
      auto at = [&](int64_t head) -> float & {
        return maxima[size_t((shared * group + head) * size + i)];
      };
      float greatest = 0;
      for (int64_t head = 0; head < group; ++head)
        greatest = std::max(greatest, at(head));
      for (int64_t head = 0; head < group; ++head)
        at(head) = greatest;
    }
}

struct Smooth : qllm::impl::SmoothBase<Smooth> {
  using SmoothBase::SmoothBase;

  void runOnOperation() override {
    if (failed(checkOptions()) || failed(run()))
      signalPassFailure();
  }

private:
  LogicalResult checkOptions() {
    if (llvm::Error error = checkSiteKinds(llvm::to_vector(sites)))
      return getOperation().emitError() << llvm::toString(std::move(error));
    if (search != "none" && search != "layer" && search != "model")
      return getOperation().emitError()
             << "expected none, layer or model for search, but got '" << search << "'";
    if (!(alpha >= 0 && alpha <= 1))
      return getOperation().emitError() << "expected an alpha of 0 to 1, but got " << alpha;
    if (!(step >= 0.001 && step <= 1))
      return getOperation().emitError() << "expected a step of 0.001 to 1, but got " << step;
    if (searchWindows < 1)
      return getOperation().emitError()
             << "expected at least 1 for search-windows, but got " << searchWindows;
    return success();
  }

  bool isWanted(SiteKind kind) {
    if (sites.empty())
      return kind != SiteKind::AttentionOutput && kind != SiteKind::Other;
    return llvm::is_contained(sites, siteKindName(kind).str());
  }

  LogicalResult run() {
    std::vector<SmoothedSite> found;
    CalibrationFile data{calibration, calibrationWindows, calibrationLength};
    auto look = [&](const Site &site, SiteState &state) -> llvm::Expected<std::string> {
      std::string bytes;
      if (!isWanted(site.kind))
        return bytes;
      SmoothedSite smoothed{site, columnMaxima(state.input), columnMaxima(state.weight), alpha};
      std::optional<AttentionValues> values = findAttentionValues(site.input());
      if (values && values->problem.empty() &&
          values->queryHeads * values->headSize == int64_t(smoothed.inputMaxima.size())) {
        shareAmongHeads(*values, smoothed.inputMaxima);
        shareAmongHeads(*values, smoothed.weightMaxima);
      }
      if (search == "layer")
        if (llvm::Error error = searchLayer(state, step, smoothed))
          return std::move(error);
      ByteWriter writer(bytes);
      writer(smoothed);
      return bytes;
    };
    auto take = [&](const Site &site, ArrayRef<char> bytes) {
      ByteReader reader(bytes);
      reader(found.emplace_back(SmoothedSite{site, {}, {}}));
      return reader.finish();
    };
    if (failed(visitSites(getOperation(), data, uint64_t(int64_t(seed)),
                          {"qllm-smooth", isPlanned, look, take})))
      return failure();
    if (search == "model" && failed(chooseForModel(data, found)))
      return failure();
    for (const SmoothedSite &site : found)
      if (failed(applySmoothing(site)))
        return failure();
    eraseDeadTransposes(getOperation());
    return success();
  }

  LogicalResult chooseForModel(CalibrationFile data, std::vector<SmoothedSite> &found) {
    data.windows = std::min<int64_t>(data.windows, searchWindows);
    SmallVector<std::pair<double, double>> curve;
    FailureOr<double> chosen = searchModel(getOperation(), data, step, found, curve);
    if (failed(chosen))
      return failure();
    for (SmoothedSite &site : found)
      site.alpha = *chosen;
    InFlightDiagnostic remark = emitRemark(getOperation().getLoc())
                                << "alpha " << *chosen
                                << " for the whole model; relative output errors:";
    for (auto [value, error] : curve)
      remark << " " << value << ": " << error << ";";
    return success();
  }
};

} // namespace
