// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the IR of a site and back: what steps work on, and the operations of the finished site.

#ifndef QLLM_CALIBRATION_SITEIR_H
#define QLLM_CALIBRATION_SITEIR_H

#include "qllm/Calibration/Sites.h"
#include "llvm/Support/Error.h"

namespace qllm {

namespace interp {
class OperationRunner;
} // namespace interp

/// Fills products, weight, bias, formats (from `qllm.plan`) and decisions (from `qllm.site`), and
/// the names. Input, windows and sinks come from the walk. Reads one site's weights and no more.
/// Fails with a diagnostic on a plan or decisions that do not fit; sets `problem` and succeeds
/// where the layers just cannot be treated (a weight that is not finite).
mlir::LogicalResult describeSite(const Site &site, interp::OperationRunner &runner,
                                 SiteState &state, std::string &problem);

/// What `emitSite` put in the place of the layers.
struct EmittedSite {
  /// The values that stand for the results of the layers, in their order.
  llvm::SmallVector<mlir::Value, 3> outputs;
  /// The layers that are left, by product; their weights are new.
  llvm::SmallVector<LinearOp, 3> linears;
};

/// Writes the finished site in front of its layers' readers, and takes the layers and what only
/// they used away. Weights that no step rounded stay float, with their plan; everything decided
/// goes into `qllm.site`. Fails, having changed nothing, on a state that no IR stands for (groups
/// of a weight that split channels would tear apart).
llvm::Expected<EmittedSite> emitSite(const Site &site, const SiteState &state);

} // namespace qllm

#endif // QLLM_CALIBRATION_SITEIR_H
