// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels that quantize activations to 4-bit floats, and those that find the scale of a tensor for
// them.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZEBLOCKS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZEBLOCKS_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Whether the target has what the kernel needs; else an error at the operation.
mlir::LogicalResult verifyQuantizeBlocks(qk::QuantizeBlocksOp op, const kernels::Target &target);
mlir::LogicalResult verifyTensorScale(qk::TensorScaleOp op, const kernels::Target &target);

/// Emit the kernel of the operation as a function `name`; verify first. `builder` stands in a
/// gpu.module that holds the global of dynamic shared memory called `shared`.
void emitQuantizeBlocks(mlir::OpBuilder &builder, qk::QuantizeBlocksOp op, llvm::StringRef name,
                        llvm::StringRef shared);
void emitTensorScale(mlir::OpBuilder &builder, qk::TensorScaleOp op, llvm::StringRef name,
                     llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITQUANTIZEBLOCKS_H
