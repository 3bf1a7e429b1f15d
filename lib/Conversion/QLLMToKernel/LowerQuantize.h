// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations that are quantized when the model runs, with the operations in front of them.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// What a kernel reads of a quantized input, as matrices and vectors over rows.
struct QuantizedRows {
  mlir::Value codes, scales;
  mlir::Value zeroPoints, sums; ///< null where nobody needs them

  explicit operator bool() const { return bool(codes); }
};

/// A qk.quantize in front of `op`, which must be dynamic and per token, with sums of codes if
/// `wantsSums`. A residual addition, a norm or a gate that only this tensor comes from becomes part
/// of it; so do the uses of the residual stream behind. Null where no kernel takes such rows.
QuantizedRows lowerQuantize(QuantizeOp op, bool wantsSums);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZE_H
