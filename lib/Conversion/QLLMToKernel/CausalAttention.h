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
  mlir::Value center;         ///< constant [heads, 1, size] taken off behind all; null for none
  bool hadamard = false;      ///< whether heads are multiplied by that matrix behind the tables
  bool restored = false;      ///< whether codes get it back
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
