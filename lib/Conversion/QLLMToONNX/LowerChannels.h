// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms as gathers and elementwise operators.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERCHANNELS_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERCHANNELS_H

#include "GraphBuilder.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

mlir::Value lowerScale(GraphBuilder &graph, ScaleChannelsOp op);
mlir::Value lowerShift(GraphBuilder &graph, ShiftChannelsOp op);
mlir::Value lowerPermute(GraphBuilder &graph, PermuteChannelsOp op);
mlir::Value lowerSplit(GraphBuilder &graph, SplitChannelsOp op);

/// The mean of r channels becomes r gathers, each times its share, and their sum. A product with a
/// matrix of shares would be one node, but also a linear layer to whoever imports the model, and a
/// scatter needs the number of tokens. A merge behind a split reads the channels before the split.
mlir::Value lowerMerge(GraphBuilder &graph, MergeChannelsOp op);

/// A product with R, or its transpose, between two reshapes. Fails with a diagnostic where sizes
/// are not known.
mlir::FailureOr<mlir::Value> lowerRotate(GraphBuilder &graph, RotateChannelsOp op);

/// Whether nothing but merges reads this split, so that it needs no nodes of its own.
bool isReadByMergesOnly(SplitChannelsOp op);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_LOWERCHANNELS_H
