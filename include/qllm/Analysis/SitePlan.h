// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The decision about one operation, as planning passes write it and applying passes read it.

#ifndef QLLM_ANALYSIS_SITEPLAN_H
#define QLLM_ANALYSIS_SITEPLAN_H

#include "mlir/IR/Operation.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "llvm/ADT/SmallVector.h"
#include <optional>
#include <string>

namespace qllm {

/// Stored as the attribute `qllm.plan`, a dictionary of the members that say something:
/// ```
/// {weight = !qllm.quantized<...>, operands = [!qllm.quantized<...>, unit], excluded = "...",
/// skipped = "..."}
/// ```
struct SitePlan {
  static constexpr llvm::StringLiteral attributeName = "qllm.plan";

  /// What the constant operand becomes; null if it stays as it is.
  QuantizedType weight;
  /// What each computed operand becomes at run time; null entries (and missing ones) stay as they
  /// are.
  llvm::SmallVector<QuantizedType, 3> operands;
  /// Why the recipe leaves this operation alone on purpose; empty if it does not.
  std::string excluded;
  /// Why the operation keeps its precision although the recipe asked for less; empty if it does
  /// not.
  std::string skipped;

  bool empty() const;

  /// Reads the plan of `op`: an empty one if it has none. Fails with a diagnostic on `op` if the
  /// attribute does not have the form above.
  static mlir::FailureOr<SitePlan> of(mlir::Operation *op);

  /// Writes the plan onto `op`, or takes the attribute away if the plan is empty.
  void attachTo(mlir::Operation *op) const;
};

} // namespace qllm

#endif // QLLM_ANALYSIS_SITEPLAN_H
