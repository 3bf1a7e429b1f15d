// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for linear layers of 16-bit floats and integer weights.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWEIGHTONLY_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWEIGHTONLY_H

#include "BlockTiles.h"

namespace qllm {

/// Whether the target has all that the operation's kernel needs; else an error at the operation.
mlir::LogicalResult verifyWeightOnly(qk::WeightOnlyLinearOp op, const kernels::Target &target);

/// Emits the kernel of the operation as a function `name`; `verifyWeightOnly` first.
void emitWeightOnly(mlir::OpBuilder &builder, qk::WeightOnlyLinearOp op,
                    const kernels::Target &target, llvm::StringRef name, llvm::StringRef shared);

/// What both forms of the kernel begin with.
struct WeightOnlyArguments {
  /// The function's; the builder moves into it.
  WeightOnlyArguments(mlir::OpBuilder &builder, qk::WeightOnlyLinearOp op, llvm::StringRef name,
                      int64_t threads);

  Buffer input, weight, scales, zeroPoints, bias, branchInput, branchWeight, branchWeightScales,
      arrivals, result, parts;
  mlir::Value rows;
};

/// A part of a tile. Tiles in shared memory, for 16 rows or more; and weights straight to
/// registers, for 8 rows.
void emitRingForm(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
                  const WeightOnlyArguments &arguments, mlir::Value shared, BlockTiles &tiles,
                  const TilePart &part);
void emitDirectForm(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel,
                    const WeightOnlyArguments &arguments, mlir::Value shared, BlockTiles &tiles,
                    const TilePart &part);

/// Number of the group that a run of a tile belongs to; `first` elements of k lie before the run in
/// the tile. Runs beyond the depth get the last.
mlir::Value groupOf(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel, mlir::Value tile,
                    mlir::Value first);

/// What belongs to one column of the result; absent ones are null.
struct WeightOnlyColumn {
  mlir::Value scale, branchScale, bias;
};

/// A result from its sum, and that of the low-rank branch if there is one.
mlir::Value finishSum(CodeBuilder &code, mlir::Value sum, mlir::Value branchSum,
                      const WeightOnlyColumn &column);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWEIGHTONLY_H
