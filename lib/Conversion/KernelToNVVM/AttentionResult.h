// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the warps of a block have found, put together and stored.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H

#include "AttentionQueries.h"

namespace qllm {

/// What a lane has of its two rows when its warp is done.
struct WarpSums {
  std::array<mlir::Value, 2> greatest; ///< score, in powers of two
  std::array<mlir::Value, 2> weights;  ///< sum of 2^(score - greatest)
  /// Weighted sums of values: four for each block of 8 elements, as tensor instructions have them.
  llvm::SmallVector<mlir::Value> values;
};

/// Where a block works.
struct AttentionPlace {
  mlir::Value thread, lane, warp;
  mlir::Value head, tile, split;
};

void emitAttentionResult(CodeBuilder &code, qk::AttentionOp op, const KernelFunction &function,
                         const AttentionPlace &place, const WarpSums &sums, mlir::Value shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ATTENTIONRESULT_H
