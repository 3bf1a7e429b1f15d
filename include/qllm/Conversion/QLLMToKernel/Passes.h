// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Declaration and registration of the passes of this folder.

#ifndef QLLM_CONVERSION_QLLMTOKERNEL_PASSES_H
#define QLLM_CONVERSION_QLLMTOKERNEL_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace qllm {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "qllm/Conversion/QLLMToKernel/Passes.h.inc"

} // namespace qllm

#endif // QLLM_CONVERSION_QLLMTOKERNEL_PASSES_H
