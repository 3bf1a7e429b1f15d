// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights behind channel transforms and other constant expressions become plain constants.

#ifndef QLLM_LIB_CONVERSION_QLLMTOONNX_FOLDCONSTANTS_H
#define QLLM_LIB_CONVERSION_QLLMTOONNX_FOLDCONSTANTS_H

#include "GraphBuilder.h"
#include "mlir/IR/BuiltinOps.h"

namespace qllm {

/// Computes every float tensor that run-time operations read and that operations of the qllm
/// dialect make of constants, one at a time, and puts an initializer in its place. Returns how many
/// there were; fails with a diagnostic at the reader of one that cannot be computed.
mlir::FailureOr<unsigned> foldConstantExpressions(mlir::ModuleOp module, GraphBuilder &graph);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOONNX_FOLDCONSTANTS_H
