// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a module says that it is compiled for.

#ifndef QLLM_LIB_TARGET_PTX_TARGETATTRIBUTE_H
#define QLLM_LIB_TARGET_PTX_TARGETATTRIBUTE_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "qllm/Kernels/Target.h"

namespace qllm {

/// The targets of a module, of which there is at least one. Refuses those that are not in the
/// table, and those with a PTX version that lacks instructions which the table gives to the target.
mlir::FailureOr<llvm::SmallVector<const kernels::Target *>>
findTargets(mlir::gpu::GPUModuleOp module);

} // namespace qllm

#endif // QLLM_LIB_TARGET_PTX_TARGETATTRIBUTE_H
