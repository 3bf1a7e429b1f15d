// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a module to an ONNX file.

#ifndef QLLM_API_EXPORTMODEL_H
#define QLLM_API_EXPORTMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace qllm::api {

/// Writes `module` to `path`, with quantized weights in the operators that `weights` names (see
/// convert-qllm-to-onnx). The module itself stays as it is. Details of a failure are emitted as
/// diagnostics.
llvm::Error exportQuantized(mlir::ModuleOp module, llvm::StringRef path, llvm::StringRef weights);

} // namespace qllm::api

#endif // QLLM_API_EXPORTMODEL_H
