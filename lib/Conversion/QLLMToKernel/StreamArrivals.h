// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What kernels by stream-K get beside the operands of others.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_STREAMARRIVALS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_STREAMARRIVALS_H

#include "mlir/IR/BuiltinOps.h"
#include "qllm/Kernels/WeightOnlyKernel.h"

namespace qllm {

/// Tiles of the product, each of which has a count of arrivals, and words of each row for the sums
/// of parts: of the schedules by stream-K that has most. Both are 0 without any.
struct StreamSizes {
  int64_t tiles = 0, words = 0;
};
StreamSizes streamSizes(mlir::Attribute schedules, kernels::WeightOnlyKernel kernel);

/// So many counts, all zero.
mlir::Value makeArrivals(mlir::OpBuilder &builder, mlir::Location loc, int64_t tiles);

/// Lets kernels use one array of counts, one after the other, as each of them leaves zeros. So
/// whoever plans memory copies the constant once.
void shareArrivals(mlir::ModuleOp module);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_STREAMARRIVALS_H
