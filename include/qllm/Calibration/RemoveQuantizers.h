// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A model without its quantizers at run time: what is left is the rounding of its weights.

#ifndef QLLM_CALIBRATION_REMOVEQUANTIZERS_H
#define QLLM_CALIBRATION_REMOVEQUANTIZERS_H

#include "mlir/IR/Operation.h"

namespace qllm {

/// Which quantizers of computed values are meant.
struct QuantizersOf {
  /// Queries, keys and values: quantized and dequantized again.
  bool attention = true;
  /// Inputs of linear layers and of branches beside them.
  bool layers = true;
};

/// Lets the readers of quantized values below `root` read the unquantized ones. Returns how many
/// quantizers lost a reader by that.
int64_t removeQuantizers(mlir::Operation *root, QuantizersOf which = {});

} // namespace qllm

#endif // QLLM_CALIBRATION_REMOVEQUANTIZERS_H
