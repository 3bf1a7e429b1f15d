// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// An MLIR context that has everything of ours, and models from whatever the user names.

#ifndef QLLM_API_CONTEXT_H
#define QLLM_API_CONTEXT_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/ThreadPool.h"

namespace qllm::api {

/// Registers all passes and pipelines with the process, once, and owns a context with all dialects.
/// Whoever makes it adds the handler of diagnostics. Weights of one context lie in one directory,
/// so models of different directories need a context each.
class Context {
public:
  /// `threads` workers; 0 takes one per core.
  explicit Context(unsigned threads);
  ~Context();

  mlir::MLIRContext &mlir() { return *context; }
  unsigned threads() const { return pool->getMaxConcurrency(); }

private:
  std::unique_ptr<llvm::DefaultThreadPool> pool;
  std::unique_ptr<mlir::MLIRContext> context;
};

/// The file that holds the model `name`: an ONNX file, an .mlir or .mlirbc file, or a directory
/// that `qllm import` or `qllm quantize` wrote.
llvm::Expected<std::string> resolveModel(llvm::StringRef name);

/// Loads a file that `resolveModel` gave. Null after an error, which was emitted as a diagnostic.
/// `limits` are on modules; ONNX files have bounds of their own.
mlir::OwningOpRef<mlir::ModuleOp> loadModel(llvm::StringRef file, mlir::MLIRContext *context,
                                            const InputLimits &limits = {});

} // namespace qllm::api

#endif // QLLM_API_CONTEXT_H
