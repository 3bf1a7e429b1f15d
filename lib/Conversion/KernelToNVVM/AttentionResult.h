// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the warps of a block have found, put together and stored.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H

#include "AttentionQueries.h"

namespace qllm {

/// What a lane has of its rows when its warp is done.
struct WarpSums {
  llvm::SmallVector<mlir::Value, 2> greatest; ///< score, in powers of two
  llvm::SmallVector<mlir::Value, 2> weights;  ///< sum of 2^(score - greatest)
  /// Weighted sums of values: two of each row for each block of 8 elements.
  llvm::SmallVector<mlir::Value> values;
};

void emitAttentionResult(CodeBuilder &code, qk::AttentionOp op, const KernelFunction &function,
                         const AttentionPlace &place, const WarpSums &sums, mlir::Value shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H
