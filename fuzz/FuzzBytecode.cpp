// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MLIR bytecode: what passes the trial in a child process must be read and printed in this one.

#include "FuzzModule.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace qllm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef bytes(reinterpret_cast<const char *>(data), size);
  if (!bytes.starts_with("ML\xefR"))
    return -1;
  // As a file is read: aligned, as resources want it.
  auto file = llvm::WritableMemoryBuffer::getNewUninitMemBuffer(size, "module.mlirbc", llvm::Align(64));
  std::copy(bytes.begin(), bytes.end(), file->getBufferStart());
  if (llvm::Error error = checkModuleBuffer(*file, fuzz::smallLimits(), fuzz::modelDialects())) {
    llvm::consumeError(std::move(error));
    return 0;
  }
  mlir::MLIRContext context(fuzz::modelDialects(), mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &) {});
  llvm::StringRef aligned(file->getBufferStart(), size);
  if (auto module = mlir::parseSourceString<mlir::ModuleOp>(aligned, &context))
    fuzz::printToNowhere(*module);
  return 0;
}
