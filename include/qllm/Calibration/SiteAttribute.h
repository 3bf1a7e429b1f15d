// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Decisions about a site as the attribute `qllm.site` of its linear layers, so that they can be
// printed, edited and replayed without a search.

#ifndef QLLM_CALIBRATION_SITEATTRIBUTE_H
#define QLLM_CALIBRATION_SITEATTRIBUTE_H

#include "mlir/IR/Operation.h"
#include "qllm/Site/SiteState.h"

namespace qllm {

inline constexpr llvm::StringLiteral siteAttr = "qllm.site";

/// Reads `{transform = "split", parts = array<i64: ..>, offsets = true, clip = .., alpha = ..,
/// beta = .., order = array<i64: ..>, rank = .., principal_rank = .., scores = {none = .., split =
/// ..}}`; every key may be missing. Plans are edited by hand, so everything is checked: `channels`
/// is the number of the site's channels. Fails with a diagnostic on `op`.
mlir::LogicalResult readDecisions(mlir::Operation *op, int64_t channels, SiteDecisions &decisions);

/// Null if nothing was decided.
mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context, const SiteDecisions &decisions);

/// Copies decisions, and plans where `plans` says so, to the layers of `to` that have the names of
/// those of `from`. A name that two layers share is passed over. Returns the number of layers.
int64_t copyDecisions(mlir::Operation *from, mlir::Operation *to, bool plans);

} // namespace qllm

#endif // QLLM_CALIBRATION_SITEATTRIBUTE_H
