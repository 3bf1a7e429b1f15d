// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of the qllm dialect.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMOPS_H
#define QLLM_DIALECT_QLLM_IR_QLLMOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"

#define GET_OP_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMOps.h.inc"

namespace qllm {

/// Shape of a float tensor or of a quantized tensor; none for any other type.
std::optional<llvm::ArrayRef<int64_t>> getTensorShape(mlir::Type type);

} // namespace qllm

#endif // QLLM_DIALECT_QLLM_IR_QLLMOPS_H
