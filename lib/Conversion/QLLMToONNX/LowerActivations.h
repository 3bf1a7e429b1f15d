// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Run-time quantization in standard operators.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERACTIVATIONS_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERACTIVATIONS_H

#include "GraphBuilder.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// The value that `op` stands for, as a float tensor: quantized and dequantized step by step. Fails
/// with a diagnostic for formats that have no such steps.
mlir::FailureOr<mlir::Value> lowerQuantize(GraphBuilder &graph, QuantizeOp op);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERACTIVATIONS_H
