// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels in LLVM and NVVM for the machine that the compiler runs on.

#ifndef QLLM_EMULATOR_LOWERING_PASSES_H
#define QLLM_EMULATOR_LOWERING_PASSES_H

#include "mlir/Pass/Pass.h"

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Emulator/Lowering/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qllm/Emulator/Lowering/Passes.h.inc"

} // namespace qllm

#endif // QLLM_EMULATOR_LOWERING_PASSES_H
