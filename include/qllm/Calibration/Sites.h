// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the sites of a model: values and the linear layers that read them.

#ifndef QLLM_CALIBRATION_SITES_H
#define QLLM_CALIBRATION_SITES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Site/SiteState.h"
#include <string>
#include <vector>

namespace qllm {

/// Linear layers that read one value, in the order of the block. Layers behind may be rewritten, so
/// the value is looked up when it is needed.
struct Site {
  std::string name;
  SiteKind kind = SiteKind::Other;
  int64_t layer = -1;
  llvm::SmallVector<LinearOp, 3> linears;

  mlir::Value input() const { return LinearOp(linears.front()).getInput(); }
};

/// A layer that was asked for and belongs to no site.
struct LeftOut {
  LinearOp linear;
  std::string reason;
};

struct SiteList {
  /// In the order in which a walk reaches them.
  std::vector<Site> sites;
  std::vector<LeftOut> left;
};

/// The sites among the layers that `isWanted` takes. Layers belong together if they read the same
/// value and their plans quantize it alike. Kind and layer come from `qllm.name`. Layers in regions
/// or other functions, with a weight that is computed at run time or quantized already, or with an
/// input that is quantized already, are left out with the reason.
SiteList findSites(mlir::func::FuncOp function, llvm::function_ref<bool(LinearOp)> isWanted);

/// Takes layers whose `qllm.plan` quantizes their weight or their input.
bool isPlanned(LinearOp linear);

/// `layers.3.q_proj` is attention input 3; "" and anything else of no known meaning is Other, -1.
SiteKind siteKindOf(llvm::StringRef layerName, int64_t &layer);

/// Sites whose inputs the products of `site` reach first: those not behind another one that they
/// reach. For o that is gate and up of the same layer, for down it is q, k and v of the next.
llvm::SmallVector<const Site *> nextSites(const SiteList &list, const Site &site);

} // namespace qllm

#endif // QLLM_CALIBRATION_SITES_H
