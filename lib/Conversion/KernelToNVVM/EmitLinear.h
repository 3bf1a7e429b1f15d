// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for integer linear layers.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITLINEAR_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITLINEAR_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Whether the target has all that the operation's kernel needs; else an error at the operation.
mlir::LogicalResult verifyLinear(qk::LinearOp op, const kernels::Target &target);

/// Emits the kernel of the operation as a function `name`; `verifyLinear` first. `builder` stands
/// in a gpu.module that holds the global of dynamic shared memory called `shared`.
void emitLinear(mlir::OpBuilder &builder, qk::LinearOp op, const kernels::Target &target,
                llvm::StringRef name, llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITLINEAR_H
