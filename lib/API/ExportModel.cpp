// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lowers a copy and hands it to the exporter.

#include "qllm/API/ExportModel.h"

#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "qllm/Conversion/QLLMToONNX/Passes.h"
#include "qllm/Target/ONNX/Export.h"

using namespace mlir;
using namespace qllm;

llvm::Error qllm::api::exportQuantized(ModuleOp module, StringRef path, StringRef weights) {
  OwningOpRef<ModuleOp> copy(module.clone());
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  ConvertQLLMToONNXOptions options;
  options.weights = weights.str();
  passes.addPass(createConvertQLLMToONNX(std::move(options)));
  if (failed(passes.run(*copy)) || failed(onnx::exportModel(*copy, path)))
    return llvm::createStringError("cannot export to '" + path + "'");
  return llvm::Error::success();
}
