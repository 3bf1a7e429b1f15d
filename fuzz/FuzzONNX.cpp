// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Importing an ONNX model, shape inference and verification included.

#include "mlir/IR/MLIRContext.h"
#include "qllm/Target/ONNX/Import.h"
#include "llvm/Support/MemoryBufferRef.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  // The directory is the one that the fuzzer runs in: an empty one.
  (void)qllm::onnx::importModel(llvm::MemoryBufferRef(bytes, "model.onnx"), ".", &context);
  return 0;
}
