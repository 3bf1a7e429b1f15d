// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Bytecode is tried in a fork, which may meet a lock that nobody will open.

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "qllm/Target/Module/ModuleFile.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <atomic>
#include <sys/mman.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// Shared with children.
std::atomic<int> *contexts = nullptr;

TEST(TrialRead, AChildThatWaitsForeverIsReplaced) {
  void *memory =
      mmap(nullptr, sizeof(*contexts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  contexts = new (memory) std::atomic<int>(0);
  mlir::DialectRegistry registry;
  registry.addExtension(+[](mlir::MLIRContext *, mlir::BuiltinDialect *) {
    if (contexts->fetch_add(1) == 0)
      while (true)
        pause();
  });
  std::string bytes;
  {
    mlir::MLIRContext context;
    mlir::OwningOpRef<mlir::ModuleOp> module =
        mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
    llvm::raw_string_ostream os(bytes);
    ASSERT_TRUE(succeeded(mlir::writeBytecodeToFile(*module, os)));
  }
  auto file = llvm::MemoryBuffer::getMemBufferCopy(bytes, "module.mlirbc");
  llvm::Error error = checkModuleBuffer(*file, InputLimits(), registry);
  EXPECT_FALSE(bool(error)) << llvm::toString(std::move(error));
  EXPECT_EQ(contexts->load(), 2);
  munmap(memory, sizeof(*contexts));
}

} // namespace
