// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels around a cache of keys and values. They are the same on every target, and every target
// that there is has what they need.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITATTENTION_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITATTENTION_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Each emits the kernel of the operation as a function `name`. `builder` stands in a gpu.module
/// that holds the global of dynamic shared memory called `shared`.
void emitAppendKV(mlir::OpBuilder &builder, qk::AppendKVOp op, llvm::StringRef name);
void emitAttention(mlir::OpBuilder &builder, qk::AttentionOp op, llvm::StringRef name,
                   llvm::StringRef shared);
void emitCombineAttention(mlir::OpBuilder &builder, qk::CombineAttentionOp op,
                          llvm::StringRef name);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITATTENTION_H
