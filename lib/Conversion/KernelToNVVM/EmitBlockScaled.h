// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for linear layers on 4-bit floats with scales of blocks.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITBLOCKSCALED_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITBLOCKSCALED_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Whether the target has all that the operation's kernel needs; else an error at the operation.
mlir::LogicalResult verifyBlockScaled(qk::BlockScaledLinearOp op, const kernels::Target &target);

/// Emits the kernel of the operation as a function `name`; `verifyBlockScaled` first. `builder`
/// stands in a gpu.module that holds the global of dynamic shared memory called `shared`.
void emitBlockScaled(mlir::OpBuilder &builder, qk::BlockScaledLinearOp op,
                     const kernels::Target &target, llvm::StringRef name, llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITBLOCKSCALED_H
