// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From what a layer produces to the run-time quantizers of attention that read it.

#ifndef QLLM_LIB_CALIBRATION_QUANTIZERPATHS_H
#define QLLM_LIB_CALIBRATION_QUANTIZERPATHS_H

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/SmallVector.h"

namespace qllm {

/// The operations between a value and a quantizer, each with the result that is followed.
struct QuantizerPath {
  llvm::SmallVector<mlir::OpResult> steps;
  QuantizeOp quantizer;

  /// The one dequantization behind the quantizer; null where it is not the only reader.
  DequantizeOp dequantized() const;
};

/// Dynamic quantizers behind operations that are affine in `produced`: reshapes, transposes, a
/// rotary embedding, channel operations, constants added and multiplied.
llvm::SmallVector<QuantizerPath> findQuantizers(mlir::Value produced);

} // namespace qllm

#endif // QLLM_LIB_CALIBRATION_QUANTIZERPATHS_H
