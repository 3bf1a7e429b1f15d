// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Equivalent transforms of channels that make a model easier to quantize.

#ifndef QLLM_TRANSFORMS_CHANNELS_PASSES_H
#define QLLM_TRANSFORMS_CHANNELS_PASSES_H

#include "mlir/Pass/Pass.h"

namespace mlir {
class ModuleOp;
} // namespace mlir

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Transforms/Channels/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "qllm/Transforms/Channels/Passes.h.inc"

} // namespace qllm

#endif // QLLM_TRANSFORMS_CHANNELS_PASSES_H
