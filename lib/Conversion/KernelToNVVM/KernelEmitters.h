// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The families of kernels that there is code for: one entry each.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELEMITTERS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELEMITTERS_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Whether the target has all that the operation's kernel needs; else an error at the operation.
mlir::LogicalResult verifyKernel(qk::KernelOpInterface op, const kernels::Target &target);

/// Emits the kernel of the operation as a function `name`; `verifyKernel` first. `builder` stands
/// in a gpu.module that holds the global of dynamic shared memory called `shared`.
void emitKernel(mlir::OpBuilder &builder, qk::KernelOpInterface op, const kernels::Target &target,
                llvm::StringRef name, llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_KERNELEMITTERS_H
