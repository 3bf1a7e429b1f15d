// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor instructions.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_MMAATOM_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_MMAATOM_H

#include "CodeBuilder.h"
#include "qllm/Kernels/LinearKernel.h"

namespace qllm {

/// Words of one lane.
using Words = llvm::SmallVector<mlir::Value, 4>;

/// m16n8 products of integers: m16n8k32 on bytes or m16n8k64 on half bytes. A lane holds 4 words of
/// the left operand, 2 of the right, and 4 sums: elements (l / 4 + 8 * (i / 2), 2 * (l % 4) + i %
/// 2).
struct MmaAtom {
  kernels::MmaForm form;
  bool leftSigned, rightSigned;

  Words multiplyAdd(CodeBuilder &code, llvm::ArrayRef<mlir::Value> left,
                    llvm::ArrayRef<mlir::Value> right, llvm::ArrayRef<mlir::Value> sums) const;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_MMAATOM_H
