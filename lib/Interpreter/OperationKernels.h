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
OperationKernel findLinearKernel(llvm::StringRef name);
OperationKernel findChannelKernel(llvm::StringRef name);
OperationKernel findDeviceKernel(llvm::StringRef name);
OperationKernel findCheckKernel(llvm::StringRef name);

/// A float or quantized operand in f32.
llvm::LogicalResult realValues(KernelContext &ctx, unsigned i, Tensor &result);
/// Sets result 0 in the element type that the operation declares.
llvm::LogicalResult setDeclaredResult(mlir::Operation *op, KernelContext &ctx,
                                      const Tensor &floats);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_OPERATIONKERNELS_H
