// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A function of launches as host code.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_HOSTFUNCTION_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_HOSTFUNCTION_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace qllm {

struct HostCodeCounts {
  unsigned launches = 0, copies = 0;
};

/// Nothing is changed after an error of `verifyHostFunction`.
llvm::LogicalResult verifyHostFunction(mlir::func::FuncOp function);
llvm::LogicalResult convertHostFunction(mlir::func::FuncOp function, llvm::StringRef target,
                                        HostCodeCounts &counts);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_HOSTFUNCTION_H
