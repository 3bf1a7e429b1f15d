// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host code of one launch.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_LAUNCHCODE_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_LAUNCHCODE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// What a launch works on, all of it in device memory.
struct LaunchBuffers {
  llvm::SmallVector<mlir::Value> operands;
  /// Of results that are not in the place of an operand.
  llvm::SmallVector<mlir::Value> results;
};

/// Dimension `dimension` of `tensor`, whose memory is `buffer`, as an index.
mlir::Value emitSize(mlir::ImplicitLocOpBuilder &builder, mlir::Value tensor, mlir::Value buffer,
                     int64_t dimension);

/// The number of rows of a launch.
mlir::Value emitRows(mlir::ImplicitLocOpBuilder &builder, qk::LaunchOp launch,
                     const LaunchBuffers &buffers);

/// Runs the kernel that goes with the number of rows, if there are any.
llvm::LogicalResult emitLaunch(mlir::ImplicitLocOpBuilder &builder, qk::LaunchOp launch,
                               llvm::StringRef target, const LaunchBuffers &buffers);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_LAUNCHCODE_H
