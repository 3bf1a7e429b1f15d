// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A form is float as long as no value has a quantized type and no channel was split or merged.

#include "qllm/Report/FloatForms.h"

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

static bool hasLayers(ModuleOp module) {
  return module.walk([](LinearOp) { return WalkResult::interrupt(); }).wasInterrupted();
}

static bool isFloat(ModuleOp module) {
  return !module
              .walk([](Operation *op) {
                bool changed = isa<SplitChannelsOp, MergeChannelsOp>(op) ||
                               llvm::any_of(op->getResultTypes(), llvm::IsaPred<QuantizedType>);
                return changed ? WalkResult::interrupt() : WalkResult::advance();
              })
              .wasInterrupted();
}

void FloatForms::observe(ModuleOp module) {
  if (ended)
    return;
  bool layers = hasLayers(module);
  ended = layers && !isFloat(module);
  passes += !ended;
  // A module that was quantized before it came to us is its own original.
  if (isKept && layers && !(ended && first))
    (first ? last : first) = module.clone();
}

void FloatForms::clear() {
  first = {};
  last = {};
  passes = 0;
  ended = false;
}
