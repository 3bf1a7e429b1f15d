// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The order of raising.

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm/Transforms/Raise/Passes.h"

using namespace mlir;

void qllm::buildRaisePipeline(OpPassManager &manager) {
  manager.addPass(createOnnxRaiseContrib());
  manager.addPass(createOnnxSimplify());
  manager.addPass(createOnnxRaiseNorm());
  manager.addPass(createOnnxRaiseActivation());
  manager.addPass(createOnnxRaiseRotary());
  manager.addPass(createOnnxRaiseAttention());
  manager.addPass(createOnnxShareSizes());
  manager.addPass(createOnnxNameLayers());
}

void qllm::registerRaisePipelines() {
  PassPipelineRegistration<>("qllm-raise",
                             "one form for the same thing, whichever exporter wrote it",
                             [](OpPassManager &manager) { buildRaisePipeline(manager); });
}
