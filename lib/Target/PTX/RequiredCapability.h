// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What an operation needs of a target.

#ifndef QLLM_LIB_TARGET_PTX_REQUIREDCAPABILITY_H
#define QLLM_LIB_TARGET_PTX_REQUIREDCAPABILITY_H

#include "mlir/IR/Operation.h"
#include "qllm/Kernels/Target.h"

namespace qllm {

/// What is known about an operation.
struct Requirement {
  enum Kind { Nothing, OneCapability, Unknown };
  Kind kind = Unknown;
  kernels::Capability capability = {}; ///< for OneCapability
};

/// Looks the operation up by what it is; its types are another question.
Requirement requirementOf(mlir::Operation *op);

/// Whether code can be generated for values of the type, on any target.
bool isSupportedType(mlir::Type type);

} // namespace qllm

#endif // QLLM_LIB_TARGET_PTX_REQUIREDCAPABILITY_H
