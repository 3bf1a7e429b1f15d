// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensor instructions on 16-bit floats.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_HALFATOM_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_HALFATOM_H

#include "MmaAtom.h"
#include "qllm/Kernels/WeightOnlyKernel.h"

namespace qllm {

/// The same 32 bits as another type.
mlir::Value bitsAs(CodeBuilder &code, mlir::Type type, mlir::Value value);

/// m16n8k16 products with f32 sums, whose places are those of `MmaAtom`. A lane holds 4 words of
/// the left operand and 2 of the right, each two neighbours along k.
struct HalfAtom {
  kernels::HalfKind kind;

  Words multiplyAdd(CodeBuilder &code, llvm::ArrayRef<mlir::Value> left,
                    llvm::ArrayRef<mlir::Value> right, llvm::ArrayRef<mlir::Value> sums) const;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_HALFATOM_H
