// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What code generation takes of an operation that every target has: types, memories, functions.

#ifndef QLLM_LIB_TARGET_PTX_ALLOWEDFORMS_H
#define QLLM_LIB_TARGET_PTX_ALLOWEDFORMS_H

#include "mlir/IR/Operation.h"

namespace qllm {

/// Refuses operations that have a name, but not a form that is known to be good.
llvm::LogicalResult verifyForm(mlir::Operation *op);

} // namespace qllm

#endif // QLLM_LIB_TARGET_PTX_ALLOWEDFORMS_H
