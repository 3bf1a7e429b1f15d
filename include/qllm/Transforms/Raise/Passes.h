// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what exporters write to one form for the same thing.

#ifndef QLLM_TRANSFORMS_RAISE_PASSES_H
#define QLLM_TRANSFORMS_RAISE_PASSES_H

#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"

namespace mlir {
class ModuleOp;
}

namespace qllm {

#define GEN_PASS_DECL
#include "qllm/Transforms/Raise/Passes.h.inc"

/// Adds every raising pass in order, the naming of layers last. Runs on a module.
void buildRaisePipeline(mlir::OpPassManager &manager);

#define GEN_PASS_REGISTRATION
#include "qllm/Transforms/Raise/Passes.h.inc"

/// Registers `qllm-raise`.
void registerRaisePipelines();

} // namespace qllm

#endif // QLLM_TRANSFORMS_RAISE_PASSES_H
