// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Static means of queries, keys and values: taken off before their run-time quantizers, which then
// spend their codes on what differs from token to token, and put back behind them where anything
// sees the difference.

#ifndef QLLM_CALIBRATION_CENTERATTENTION_H
#define QLLM_CALIBRATION_CENTERATTENTION_H

#include "mlir/IR/Value.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include <string>
#include <vector>

namespace qllm {

struct Centered {
  /// Quantizers that see centered values now.
  int64_t quantizers = 0;
  /// Those whose mean went behind attention, since the rows of a softmax sum up to 1.
  int64_t folded = 0;
  /// Why a quantizer behind the value was left alone; empty if none was.
  std::string problem;
};

/// `produced` [.., channels] is what a linear layer makes of queries, keys or values (or of all
/// three, side by side), m its mean over tokens. Finds the run-time quantizers that read it through
/// affine operations A y + c (reshapes, transposes, splits, biases, rotary embeddings, rotations)
/// and rewrites
///   dequantize(quantize(A y + c))   to   dequantize(quantize(A (y - m))) + (A m + c),
/// exact but for the rounding, whatever A does at each position. Where the quantized value is the
/// value operand of an onnx.Attention whose result goes, heads side by side, into other operations,
/// m is added there instead: a shift in front of the output layer, which its own mean takes up.
Centered centerAttention(mlir::Value produced, llvm::ArrayRef<float> mean);

/// The mean of the rows that a table of a rotary embedding has on calibration data; a diagnostic
/// told where it failed.
using AverageRow = llvm::function_ref<mlir::FailureOr<std::vector<float>>(mlir::Value)>;

/// The same in a form that a cache of codes has a place for: A m is another value at every position
/// behind a rotary embedding, so keys lose its mean d over the positions of the calibration data
/// instead,
///   dequantize(quantize(A y - d)),
/// and never get it back, since q d is in all scores of a query alike. Queries, values, and keys
/// whose scores something else than a softmax sees, are treated as above. Fails where `averageRow`
/// does.
mlir::FailureOr<Centered> centerAttentionForCache(mlir::Value produced, llvm::ArrayRef<float> mean,
                                                  AverageRow averageRow);

} // namespace qllm

#endif // QLLM_CALIBRATION_CENTERATTENTION_H
