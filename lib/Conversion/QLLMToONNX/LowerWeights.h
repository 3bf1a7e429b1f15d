// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Quantized weights in the forms that ONNX Runtime reads.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERWEIGHTS_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERWEIGHTS_H

#include "GraphBuilder.h"
#include "qllm/Analysis/PackedWeight.h"

namespace qllm {

/// The operands of MatMulNBits and GatherBlockQuantized, which share one set of bytes.
struct BlockedWeight {
  unsigned bits = 0;
  int64_t blockSize = 0;
  /// ui8 [rows, bytes of a row]: the form of a table.
  mlir::Value table;
  /// ui8 [rows, blocks, bytes of a block]: the form of a product, made from the table where there
  /// is one.
  mlir::Value blocks;
  /// f32 [rows, blocks].
  mlir::Value scales;
  /// ui8 [rows, bytes of a row of zero points], or f32 [rows, blocks] where they are no codes; null
  /// for symmetric weights.
  mlir::Value zeroPoints;
};

/// The block size of MatMulNBits for `weight`: a power of two from 16 up that divides its groups; 0
/// if there is none, or if the format has no such operator.
int64_t blockSizeFor(const PackedWeight &weight);

/// Builds the operands. `asTable` when a lookup reads the weight too.
BlockedWeight lowerBlocked(GraphBuilder &graph, const PackedWeight &weight, bool asTable);

/// The weight as an f32 tensor that is computed from its codes when the model runs: [rows,
/// columns], or [columns, rows] if `transposed`.
mlir::Value lowerDequantized(GraphBuilder &graph, const PackedWeight &weight, bool transposed);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERWEIGHTS_H
