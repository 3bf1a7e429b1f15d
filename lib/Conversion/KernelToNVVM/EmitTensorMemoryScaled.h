// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From qk.block_scaled_linear with a producer in its schedule to a kernel in tensor memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITTENSORMEMORYSCALED_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITTENSORMEMORYSCALED_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

void emitTensorMemoryScaled(mlir::OpBuilder &builder, qk::BlockScaledLinearOp op,
                            const kernels::BlockScaledKernel &kernel, llvm::StringRef name,
                            llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITTENSORMEMORYSCALED_H
