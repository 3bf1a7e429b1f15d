// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function of a kernel for linear layers, empty.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFUNCTION_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFUNCTION_H

#include "LinearPlace.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// Makes the function with the arguments of the operation's binary interface; the builder moves
/// into it. Input and weight of a warp-specialized kernel are tensor maps.
LinearArguments makeLinearFunction(mlir::OpBuilder &builder, qk::LinearOp op,
                                   const kernels::LinearKernel &kernel, llvm::StringRef name);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_LINEARFUNCTION_H
