// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From launches to host code.

#ifndef QLLM_CONVERSION_KERNELTOGPU_PASSES_H
#define QLLM_CONVERSION_KERNELTOGPU_PASSES_H

#include "mlir/Pass/Pass.h"

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Conversion/KernelToGPU/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qllm/Conversion/KernelToGPU/Passes.h.inc"

} // namespace qllm

#endif // QLLM_CONVERSION_KERNELTOGPU_PASSES_H
