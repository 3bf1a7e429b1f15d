// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A module as files.

#ifndef QLLM_API_SAVEMODEL_H
#define QLLM_API_SAVEMODEL_H

#include "qllm/API/Quantize.h"

namespace qllm::api {

/// Writes an .mlir or .mlirbc file, or a directory with model.mlirbc. Details of a failure are
/// emitted as diagnostics.
llvm::Error saveModel(mlir::ModuleOp module, llvm::StringRef path);

/// Writes the directory that `qllm quantize` writes: model.mlirbc, plan.mlir, recipe.txt and
/// report.json, and model.onnx where `onnxWeights` names operators for quantized weights (see
/// exportQuantized). The journal of the run goes when all of it is there. Details of a failure are
/// emitted as diagnostics.
llvm::Error saveResult(mlir::ModuleOp module, QuantizeRun &run, llvm::StringRef directory,
                       llvm::StringRef onnxWeights = "");

} // namespace qllm::api

#endif // QLLM_API_SAVEMODEL_H
