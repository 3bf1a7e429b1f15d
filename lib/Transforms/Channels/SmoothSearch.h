// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which alpha to smooth with.

#ifndef QLLM_LIB_TRANSFORMS_CHANNELS_SMOOTHSEARCH_H
#define QLLM_LIB_TRANSFORMS_CHANNELS_SMOOTHSEARCH_H

#include "CalibratedSites.h"

namespace qllm {

/// What a site needs to be smoothed with any alpha.
struct SmoothedSite {
  Site site;
  std::vector<float> inputMaxima, weightMaxima;
  double alpha = 0.5;
  /// Nothing was better than any alpha.
  bool leaveAlone = false;
};

/// All but the site itself.
template <typename Stream> void transfer(Stream &stream, SmoothedSite &site) {
  stream(site.inputMaxima, site.weightMaxima, site.alpha, site.leaveAlone);
}

/// Inserts the scale and folds it.
mlir::LogicalResult applySmoothing(const SmoothedSite &site);

/// Least error of the site's outputs, formats as planned, rounded to nearest; sets `alpha` or
/// `leaveAlone`.
llvm::Error searchLayer(SiteState &state, double step, SmoothedSite &site);

/// One alpha for all sites, by the error of what `@main` returns. `curve` gets the relative errors
/// of all alphas that were tried; the run's journal keeps them one by one.
mlir::FailureOr<double> searchModel(mlir::ModuleOp module, const CalibrationFile &data, double step,
                                    llvm::ArrayRef<SmoothedSite> sites,
                                    llvm::SmallVectorImpl<std::pair<double, double>> &curve);

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_CHANNELS_SMOOTHSEARCH_H
