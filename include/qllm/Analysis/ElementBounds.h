// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bounds on the elements of masks: enough to prove that an additive attention mask holds no
// infinity.

#ifndef QLLM_ANALYSIS_ELEMENTBOUNDS_H
#define QLLM_ANALYSIS_ELEMENTBOUNDS_H

#include "mlir/IR/Value.h"

#include <optional>

namespace qllm {

/// Every element lies in [low, high]; a NaN never occurs.
struct ElementBounds {
  double low, high;
};

/// Bounds that follow from constants, selections and moves of data; nothing when there is no bound.
std::optional<ElementBounds> elementBounds(mlir::Value value);

/// True if no element can be infinite or NaN in the type of `value`.
bool isProvablyFinite(mlir::Value value);

} // namespace qllm

#endif // QLLM_ANALYSIS_ELEMENTBOUNDS_H
