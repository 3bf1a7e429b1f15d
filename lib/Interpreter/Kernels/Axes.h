// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Axes that operators take as an attribute in old opsets and as an operand in new ones, and tensors
// seen as [outer, axis, inner].

#ifndef QLLM_LIB_INTERPRETER_KERNELS_AXES_H
#define QLLM_LIB_INTERPRETER_KERNELS_AXES_H

#include "Elementwise.h"

namespace qllm::interp {

/// The axes from operand `operand` or attribute `axes`, normalized against `rank`; `given` tells
/// whether there were any.
LogicalResult readAxes(KernelContext &ctx, unsigned operand, int64_t rank, Shape &axes,
                       bool &given);

/// A tensor around one axis.
struct AxisView {
  int64_t outer = 1, length = 1, inner = 1;
  AxisView(llvm::ArrayRef<int64_t> shape, int64_t axis);
};

/// The tensor with its dimensions reordered; shares storage when no element moves.
llvm::Expected<Tensor> permuteAxes(ThreadPool &pool, const Tensor &input,
                                   llvm::ArrayRef<int64_t> permutation);
/// The same, with the failure recorded on `ctx`.
bool transposed(KernelContext &ctx, const Tensor &input, llvm::ArrayRef<int64_t> permutation,
                Tensor &result);

/// Copies elements between tensors of one type, strings included.
void copyElements(Tensor &to, int64_t toOffset, const Tensor &from, int64_t fromOffset,
                  int64_t count);

/// The strides of a row-major shape.
Shape stridesOf(llvm::ArrayRef<int64_t> shape);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_KERNELS_AXES_H
