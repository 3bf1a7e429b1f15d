// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a module to an ONNX file.

#ifndef QLLM_TOOLS_USERTOOL_EXPORTMODEL_H
#define QLLM_TOOLS_USERTOOL_EXPORTMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

namespace qllm::tool {

/// Writes `module` to `path`, with quantized weights in the operators that `weights` names (see
/// convert-qllm-to-onnx). The module itself stays as it is. Details of a failure are emitted as
/// diagnostics.
llvm::Error exportQuantized(mlir::ModuleOp module, llvm::StringRef path, llvm::StringRef weights);

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_EXPORTMODEL_H
