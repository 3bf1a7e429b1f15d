// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that quantize activations.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZE_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Whether the target has the shared memory that the kernel needs; else an error at the operation.
mlir::LogicalResult verifyQuantize(qk::QuantizeOp op, const kernels::Target &target);

/// Emits the kernel of the operation as a function `name`; `verifyQuantize` first. `builder` stands
/// in a gpu.module that holds the global of dynamic shared memory called `shared`.
void emitQuantize(mlir::OpBuilder &builder, qk::QuantizeOp op, const kernels::Target &target,
                  llvm::StringRef name, llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZE_H
