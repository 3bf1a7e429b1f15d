// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values go where their codes went: dequantizers give the float value again, and layers read it.

#include "qllm/Calibration/RemoveQuantizers.h"

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

static bool bypass(QuantizeOp quantize, QuantizersOf which) {
  Value input = quantize.getInput();
  bool any = false;
  for (OpOperand &use : llvm::make_early_inc_range(quantize.getResult().getUses())) {
    auto dequantize = dyn_cast<DequantizeOp>(use.getOwner());
    if (dequantize && which.attention && dequantize.getType() == input.getType()) {
      dequantize.getResult().replaceAllUsesWith(input);
      any = true;
    } else if (isa<LinearOp, LowRankOp>(use.getOwner()) && which.layers) {
      use.set(input);
      any = true;
    }
  }
  return any;
}

int64_t qllm::removeQuantizers(Operation *root, QuantizersOf which) {
  int64_t count = 0;
  root->walk([&](QuantizeOp quantize) { count += bypass(quantize, which); });
  return count;
}
