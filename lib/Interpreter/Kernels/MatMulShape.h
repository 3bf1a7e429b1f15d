// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The shapes of a product of stacks of matrices, by NumPy's rules.

#ifndef QLLM_LIB_INTERPRETER_KERNELS_MATMULSHAPE_H
#define QLLM_LIB_INTERPRETER_KERNELS_MATMULSHAPE_H

#include "Elementwise.h"

namespace qllm::interp {

struct MatMulShape {
  int64_t rows = 1, columns = 1, depth = 1;
  int64_t batches = 1;
  /// Which matrix of each operand a batch takes.
  std::vector<int64_t> leftIndex, rightIndex;
  Shape result;

  /// Shapes of operands that are not transposed; set the flags when the last two dimensions lie the
  /// other way round. Records a failure on `ctx` when they do not fit.
  LogicalResult compute(KernelContext &ctx, llvm::ArrayRef<int64_t> left,
                        llvm::ArrayRef<int64_t> right, bool leftTransposed = false,
                        bool rightTransposed = false);
};

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_MATMULSHAPE_H
