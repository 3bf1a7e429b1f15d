// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Passes about the operations of the qllm dialect.

#ifndef QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_H
#define QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Dialect/QLLM/Transforms/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qllm/Dialect/QLLM/Transforms/Passes.h.inc"

} // namespace qllm

#endif // QLLM_DIALECT_QLLM_TRANSFORMS_PASSES_H
