// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Recipe files: pass pipelines with options, parsed and printed back.

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "qllm/InitAll.h"

extern "C" int LLVMFuzzerInitialize(int *, char ***) {
  qllm::registerAllPasses();
  qllm::registerAllPipelines();
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  mlir::PassManager passes(&context, mlir::ModuleOp::getOperationName());
  if (succeeded(mlir::parsePassPipeline(llvm::StringRef(reinterpret_cast<const char *>(data), size), passes, llvm::nulls())))
    passes.printAsTextualPipeline(llvm::nulls());
  return 0;
}
