// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Making modules smaller while they stay interesting.

#ifndef QLLM_REDUCER_PASSES_H
#define QLLM_REDUCER_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Reducer/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qllm/Reducer/Passes.h.inc"

} // namespace qllm

#endif // QLLM_REDUCER_PASSES_H
