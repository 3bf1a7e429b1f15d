// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The reassembly of one site as an attribute.

#ifndef QLLM_LIB_TRANSFORMS_REASSEMBLY_REASSEMBLYPLAN_H
#define QLLM_LIB_TRANSFORMS_REASSEMBLY_REASSEMBLYPLAN_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"
#include "qllm/Solver/Reassembly/ChannelReassembly.h"

namespace qllm {

/// Stored as the attribute `qllm.reassembly`, a dictionary:
/// ```
/// {threshold = 4.1 : f64, parts = array<i64: ...>, targets = array<i64: ...>,
///  losses = array<f64: before, after>}
/// ```
/// Only `parts` must be there.
struct ReassemblyPlan {
  static constexpr llvm::StringLiteral attributeName = "qllm.reassembly";

  ChannelReassembly reassembly;
  double threshold = 0;
  double lossBefore = 0, lossAfter = 0;

  mlir::DictionaryAttr toAttribute(mlir::MLIRContext *context) const;

  /// Reads the plan of `op`, which has one. Fails with a diagnostic unless it has the form above
  /// and fits `channels`.
  static mlir::FailureOr<ReassemblyPlan> of(mlir::Operation *op, int64_t channels);
};

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_REASSEMBLY_REASSEMBLYPLAN_H
