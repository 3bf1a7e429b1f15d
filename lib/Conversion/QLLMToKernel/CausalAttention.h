// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention as raised models have it: what its queries, keys and values are before they are rotated
// and quantized.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_CAUSALATTENTION_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_CAUSALATTENTION_H

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// Queries, keys or values of all heads.
struct HeadRows {
  mlir::Value rows; ///< [batch, tokens, heads * size]
  int64_t heads = 0, size = 0;
  mlir::Value cosines, sines; ///< [1 or batch, tokens, size / 2]; null where nothing is rotated
  IntFormatAttr format;       ///< null where they are not quantized
  mlir::FloatAttr clip;       ///< of the range; null for none
  /// A constant that is taken off: [heads, 1, size], of keys, behind all; [heads * size], of
  /// queries, in front of all. Null for none.
  mlir::Value center;
  mlir::Value restored;  ///< what is added to what codes stand for; null for nothing
  bool hadamard = false; ///< whether heads are multiplied by that matrix behind the tables
};

/// An attention whose tokens see themselves and what is before them.
struct CausalAttention {
  HeadRows query, key, value;
  float scale = 0;
  onnx::RangeOp positions; ///< 0, 1, .. as many as there are tokens; null where nothing reads them
  onnx::ReshapeOp result;  ///< [batch, tokens, heads * size]
};

/// Fills in `found`, or says what was expected.
std::string matchCausalAttention(onnx::AttentionOp op, CausalAttention &found);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_CAUSALATTENTION_H
