// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for integer linear layers by warpgroups.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWARPGROUPLINEAR_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWARPGROUPLINEAR_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// As `emitLinear`, for operations whose schedule has producers.
void emitWarpgroupLinear(mlir::OpBuilder &builder, qk::LinearOp op, const kernels::Target &target,
                         llvm::StringRef name, llvm::StringRef shared);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EMITWARPGROUPLINEAR_H
