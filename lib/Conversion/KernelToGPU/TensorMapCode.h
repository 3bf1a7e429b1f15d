// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Host code that makes a tensor map.

#ifndef QLLM_LIB_CONVERSION_KERNELTOGPU_TENSORMAPCODE_H
#define QLLM_LIB_CONVERSION_KERNELTOGPU_TENSORMAPCODE_H

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "qllm/Dialect/Kernel/IR/KernelOps.h"

namespace qllm {

/// The 128 bytes of the map of `matrix`, a memref of which `pointer` is the first byte and `rows`
/// (an index) the first dimension. Null after an error.
mlir::Value emitTensorMap(mlir::ImplicitLocOpBuilder &builder, qk::TensorMapAttr map,
                          mlir::Value matrix, mlir::Value pointer, mlir::Value rows);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTOGPU_TENSORMAPCODE_H
