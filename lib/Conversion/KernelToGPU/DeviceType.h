// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How a tensor lies in device memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_DEVICETYPE_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_DEVICETYPE_H

#include "mlir/IR/BuiltinTypes.h"

namespace qllm {

/// The memref that kernels read a tensor of this type from. Null if there is none.
mlir::MemRefType deviceTypeOf(mlir::Type tensor);

/// What row i of the first dimension has: bytes. All other dimensions must be static.
int64_t rowBytesOf(mlir::MemRefType type);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_DEVICETYPE_H
