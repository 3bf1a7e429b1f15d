// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels of operations that say more in their types than attributes can: the qllm dialect, and the
// check dialect of tests.

#ifndef QLLM_LIB_INTERPRETER_OPERATIONKERNELS_H
#define QLLM_LIB_INTERPRETER_OPERATIONKERNELS_H

#include "mlir/IR/Operation.h"
#include "qllm/Interpreter/Kernel.h"

namespace qllm::interp {

using OperationKernel = llvm::LogicalResult (*)(mlir::Operation *, KernelContext &);

/// The kernel for operations of this name, or null.
OperationKernel findOperationKernel(llvm::StringRef name);

OperationKernel findQuantizedKernel(llvm::StringRef name);
OperationKernel findChannelKernel(llvm::StringRef name);
OperationKernel findCheckKernel(llvm::StringRef name);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_OPERATIONKERNELS_H
