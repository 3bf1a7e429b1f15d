// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qllm dialect, its type and its attributes; operations are in QLLMOps.h.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMDIALECT_H
#define QLLM_DIALECT_QLLM_IR_QLLMDIALECT_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "qllm/Dialect/QLLM/IR/QLLMInterfaces.h"

namespace qllm {
class RunListener;
} // namespace qllm

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMTypes.h.inc"

#endif // QLLM_DIALECT_QLLM_IR_QLLMDIALECT_H
