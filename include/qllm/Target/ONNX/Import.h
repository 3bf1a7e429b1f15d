// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From an ONNX file to a module of the onnx dialect.

#ifndef QLLM_TARGET_ONNX_IMPORT_H
#define QLLM_TARGET_ONNX_IMPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MemoryBufferRef.h"

namespace qllm::onnx {

/// The newest model that is read; newer ones are refused.
constexpr int64_t newestIRVersion = 14;
constexpr int64_t newestOpset = 28;

struct ImportOptions {
  /// Holds weights as `dense_resource` (which prints as hex) instead of `#onnx.external`. The bytes stay mapped.
  bool inlineWeights = false;
  /// Runs the ONNX checker.
  bool check = true;
  /// Converts the model to this version of the default domain first, by the onnx library's converter; 0 leaves it.
  int64_t convertToOpset = 0;
  /// Infers types of values by the ONNX library, with data propagation.
  bool inferShapes = true;
};

/// Imports the model at `path`. Weights stay in the files they are in: those of the model's own file as
/// `#onnx.external<"model.onnx", ...>`, external data as `#onnx.external` of its file. The directory of `path` becomes the
/// directory of the context's DataFiles. Null after an error, which was emitted as a diagnostic.
mlir::OwningOpRef<mlir::ModuleOp> importModel(llvm::StringRef path, mlir::MLIRContext *context, const ImportOptions &options = {});

/// Imports a model from memory. Its external data is looked for in `directory`; `raw_data` is copied into resources.
mlir::OwningOpRef<mlir::ModuleOp> importModel(llvm::MemoryBufferRef model, llvm::StringRef directory, mlir::MLIRContext *context,
                                              const ImportOptions &options = {});

} // namespace qllm::onnx

#endif // QLLM_TARGET_ONNX_IMPORT_H
