// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a module of the onnx dialect to an ONNX file.

#ifndef QLLM_TARGET_ONNX_EXPORT_H
#define QLLM_TARGET_ONNX_EXPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"

namespace qllm::onnx {

enum class ExternalData {
  /// When the weights take more than ExportOptions::largestSingleFile bytes.
  Auto,
  Always,
  /// Fails when the file would pass protobuf's limit of 2 GiB.
  Never,
};

struct ExportOptions {
  ExternalData externalData = ExternalData::Auto;
  uint64_t largestSingleFile = 64 << 20;
  /// Runs the ONNX checker before anything is written.
  bool check = true;
};

/// Writes `module` to `path`, and its weights, where ExternalData says so, to `path`.data beside it. Both files appear
/// whole or not at all. Names, attributes and weights are those of the imported model; values that passes made get names
/// of their own. The model's opset is the imported one, raised where an operation needs a newer one, as long as every
/// operator that has no typed operation means the same there. Operations of other dialects are refused.
mlir::LogicalResult exportModel(mlir::ModuleOp module, llvm::StringRef path, const ExportOptions &options = {});

} // namespace qllm::onnx

#endif // QLLM_TARGET_ONNX_EXPORT_H
