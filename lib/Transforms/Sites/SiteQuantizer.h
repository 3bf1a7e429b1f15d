// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One run through a model, with steps at every site.

#ifndef QLLM_LIB_TRANSFORMS_SITES_SITEQUANTIZER_H
#define QLLM_LIB_TRANSFORMS_SITES_SITEQUANTIZER_H

#include "qllm/Calibration/FloatTwin.h"
#include "qllm/Calibration/Sinks.h"
#include "qllm/Calibration/SiteIR.h"
#include "qllm/Calibration/SiteProgress.h"
#include "qllm/Site/SiteTask.h"
#include "qllm/Support/PartClock.h"
#include <functional>
#include <limits>

namespace qllm {

struct SiteCounts {
  int64_t sites = 0, rewritten = 0, skipped = 0, sinks = 0;
};

class SiteQuantizer {
public:
  SiteQuantizer(mlir::func::FuncOp function, std::vector<NamedStep> steps, uint64_t seed);

  /// Called before the steps of each site with the model's own weights, which it may rewrite.
  using Prepared = std::function<void(const Site &, SiteState &)>;
  void setPrepared(Prepared callback) { prepared = std::move(callback); }

  /// Which sites' outputs are measured, for `Finished`.
  using Measured = std::function<bool(const Site &)>;
  void setMeasured(Measured callback) { measured = std::move(callback); }

  /// Called after each site with its outcome and what was put in its place; it may rewrite what
  /// lies behind. The state has no calibration rows where the site was found in the journal.
  using Finished = std::function<mlir::LogicalResult(const Site &, const SiteState &,
                                                     const SiteOutcome &, const EmittedSite &)>;
  void setFinished(Finished callback) { finished = std::move(callback); }

  /// Whether to fit the norm behind the last site to the float model in the end.
  void setFitsFinalNorm(bool fits) { fitsFinalNorm = fits; }

  /// Which tokens are attention sinks (see `SinkFinder`); 0 for none.
  void setSinkFactor(double factor) {
    sinks = SinkFinder(factor > 0 ? factor : std::numeric_limits<double>::infinity());
  }

  /// Rewrites every site of `list`, which `findSites` found. Failures were emitted as diagnostics.
  mlir::LogicalResult run(SiteList &list, std::vector<std::vector<interp::Value>> inputs);

  /// The mean over all tokens of the calibration data of the rows that a value has where the run
  /// stands. Computes it, so it should take little: tables of a rotary embedding.
  mlir::FailureOr<std::vector<float>> averageRow(mlir::Value value);

  const SiteCounts &counts() const { return total; }
  const PartClock &clock() const { return parts; }

  /// Marks a layer as left alone, with a remark.
  void skip(LinearOp linear, const llvm::Twine &reason);

private:
  mlir::LogicalResult visit(Site &site, llvm::ArrayRef<Site> later);
  mlir::LogicalResult reach(size_t site);
  mlir::LogicalResult runSite(const Site &site, SiteState &state, SiteOutcome &outcome);
  mlir::LogicalResult readActivations(const Site &site, llvm::ArrayRef<Site> later,
                                      SiteState &state);
  mlir::LogicalResult readReference(const Site &site, SiteState &state);
  mlir::LogicalResult fitNormBehind();
  llvm::Expected<MatrixF> matrixAt(Walk &walk, mlir::Value value, llvm::ArrayRef<mlir::Value> later,
                                   std::vector<int64_t> &borders);

  mlir::func::FuncOp function;
  std::vector<NamedStep> steps;
  uint64_t seed;
  interp::OperationRunner runner;
  std::unique_ptr<Walk> walk;
  /// Of a float run beside; absent unless a step needs it.
  std::unique_ptr<FloatTwin> twin;
  /// Where the float run finds a site's input and what its output is added to.
  struct TwinSite {
    mlir::Value input, residual;
  };
  std::vector<TwinSite> twinSites;
  size_t current = 0;
  bool fitsFinalNorm = false;
  /// The norm behind the last site and its output in the float run; null when it is not fitted.
  mlir::Operation *finalNorm = nullptr;
  mlir::Value twinNorm;
  SinkFinder sinks;
  std::optional<SiteProgress> progress;
  Prepared prepared;
  Measured measured;
  Finished finished;
  SiteCounts total;
  PartClock parts;
};

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_SITES_SITEQUANTIZER_H
