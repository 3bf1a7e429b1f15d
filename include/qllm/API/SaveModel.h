// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module as files.

#ifndef QLLM_API_SAVEMODEL_H
#define QLLM_API_SAVEMODEL_H

#include "mlir/IR/BuiltinOps.h"
#include "qllm/API/Report.h"

namespace qllm::api {

/// Writes an .mlir or .mlirbc file, or a directory with model.mlirbc and, unless `report` is null,
/// report.json and recipe.txt. Details of a failure are emitted as diagnostics.
llvm::Error saveModel(mlir::ModuleOp module, llvm::StringRef path, const Json &report);

} // namespace qllm::api

#endif // QLLM_API_SAVEMODEL_H
