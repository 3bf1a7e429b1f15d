// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of products of 16-bit floats.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATSUMS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATSUMS_H

#include "HalfAtom.h"
#include "KernelFunction.h"

namespace qllm {

/// The sums of one warp: four words for each pair of a block of the left operand and one of the
/// right, blocks of the left first. Without groups they are sums over the whole depth; with groups
/// the sum of each run is multiplied by scales and added.
class FloatSums {
public:
  /// The scales of a pair of blocks for its four words.
  using PairScales = std::array<mlir::Value, 4>;

  FloatSums(CodeBuilder &code, const kernels::WeightOnlyKernel &kernel, int64_t leftBlocks,
            int64_t rightBlocks)
      : code(code), kernel(kernel), atom{kernel.input}, leftBlocks(leftBlocks),
        rightBlocks(rightBlocks) {}

  /// What the loop begins with.
  llvm::SmallVector<mlir::Value> start();
  /// The body of the loop begins.
  void beginTile(mlir::ValueRange carried) { sums.assign(carried.begin(), carried.end()); }
  /// Adds the products of one step of the tile. At the end of a run, `scalesOf` gives the scales of
  /// a pair of blocks; it is not called without groups.
  void add(int64_t step, llvm::ArrayRef<Words> left, llvm::ArrayRef<Words> right,
           llvm::function_ref<PairScales(int64_t, int64_t)> scalesOf);
  llvm::ArrayRef<mlir::Value> getSums() const { return sums; }

private:
  CodeBuilder &code;
  const kernels::WeightOnlyKernel &kernel;
  HalfAtom atom;
  int64_t leftBlocks, rightBlocks;
  llvm::SmallVector<mlir::Value> sums, run;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_FLOATSUMS_H
