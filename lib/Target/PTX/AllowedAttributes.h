// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which attributes of an operation code generation is known to take.

#ifndef QLLM_LIB_TARGET_PTX_ALLOWEDATTRIBUTES_H
#define QLLM_LIB_TARGET_PTX_ALLOWEDATTRIBUTES_H

#include "mlir/IR/Operation.h"

namespace qllm {

/// Refuses attributes that are not in the list of their operation, and values that are not in the
/// list of their attribute.
llvm::LogicalResult verifyAttributes(mlir::Operation *op);

} // namespace qllm

#endif // QLLM_LIB_TARGET_PTX_ALLOWEDATTRIBUTES_H
