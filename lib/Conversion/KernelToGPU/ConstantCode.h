// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants of host code in device memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_CONSTANTCODE_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_CONSTANTCODE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace qllm {

/// Whether the operation has one tensor of elements as its value and nothing else.
bool isTensorConstant(mlir::Operation *op);

struct DeviceConstant {
  mlir::Value allocation; ///< bytes
  mlir::Value buffer;     ///< the same memory in the constant's type
};

/// A global of the module, and code that allocates memory and copies it there.
mlir::FailureOr<DeviceConstant> emitConstant(mlir::ImplicitLocOpBuilder &builder,
                                             mlir::Operation *constant);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_CONSTANTCODE_H
