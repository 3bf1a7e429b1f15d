// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR text: what the guard lets through, the parser, the verifiers and the printer must bear.

#include "FuzzModule.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"

using namespace qllm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // As a file is read: with a zero byte at the end, which MLIR's lexer looks for.
  std::string text(reinterpret_cast<const char *>(data), size);
  if (llvm::StringRef(text).starts_with("ML\xefR"))
    return -1; // another target's
  if (llvm::Error error = checkModuleText(text, fuzz::smallLimits())) {
    llvm::consumeError(std::move(error));
    return 0;
  }
  mlir::MLIRContext context(fuzz::modelDialects(), mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  if (auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context))
    fuzz::printToNowhere(*module);
  return 0;
}
