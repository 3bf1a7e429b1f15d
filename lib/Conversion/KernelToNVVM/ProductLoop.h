// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The loop over the depth of a product.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_PRODUCTLOOP_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_PRODUCTLOOP_H

#include "Accumulators.h"
#include "TileLoader.h"

namespace qllm {

/// The parts of a kernel between its arguments and its epilogue: a ring of stages in shared memory
/// that asynchronous copies fill, and sums of the products of what is read from it.
struct ProductLoop {
  std::unique_ptr<TileLoader> inputLoader, weightLoader;
  std::unique_ptr<OperandReader> left, right;
  std::unique_ptr<Accumulators> accumulators;

  /// Emits the loop; what the accumulators carry at its end.
  llvm::SmallVector<mlir::Value> emit(CodeBuilder &code, const kernels::LinearKernel &kernel);
};

/// Loaders and readers of both operands, which lie row-major or, the weight beside wider inputs, in
/// the order of fragments. `shared` is the block's dynamic shared memory; with `unpacked`, half
/// bytes become bytes of 16 times the code.
ProductLoop makeProductLoop(CodeBuilder &code, const LinearPlace &place,
                            const kernels::LinearKernel &kernel, mlir::Value input,
                            mlir::Value weight, mlir::Value rows, mlir::Value shared,
                            bool unpacked);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_PRODUCTLOOP_H
