// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which version of the default domain a model that is being written needs.

#ifndef QLLM_LIB_TARGET_ONNX_EXPORTOPSET_H
#define QLLM_LIB_TARGET_ONNX_EXPORTOPSET_H

#include "GraphExporter.h"

namespace qllm::onnx {

/// The version of `domain` that `model` imports, or null.
proto::OperatorSetIdProto *findImport(proto::ModelProto &model, llvm::StringRef domain);

/// Raises the version of the default domain to what `nodes`, all nodes of the main graph, need. Nodes without a typed operation
/// must mean the same there, or be rewritten so that they do (axes become inputs); otherwise an error names the node.
mlir::LogicalResult raiseOpset(llvm::ArrayRef<ExportedNode> nodes, proto::ModelProto &model);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_EXPORTOPSET_H
