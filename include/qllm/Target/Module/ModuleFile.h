// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Modules on disk: text or bytecode, with weights in a side file.

#ifndef QLLM_TARGET_MODULE_MODULEFILE_H
#define QLLM_TARGET_MODULE_MODULEFILE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/StringRef.h"
#include <memory>

namespace llvm {
class MemoryBuffer;
class SourceMgr;
} // namespace llvm

namespace qllm {

/// Reads text or bytecode from `path` ("-" is stdin). The directory of `path` becomes the directory of the context's
/// DataFiles. Null after an error, which was emitted as a diagnostic; `sources` then holds the text. To be called on a
/// large stack: a module at the limit of nesting takes megabytes of it.
mlir::OwningOpRef<mlir::ModuleOp> loadModule(llvm::StringRef path, llvm::SourceMgr &sources, mlir::MLIRContext *context,
                                             const InputLimits &limits = {});

/// The same without weights: for plans, and for modules that have none.
mlir::OwningOpRef<mlir::ModuleOp> parseModuleFile(llvm::StringRef path, llvm::SourceMgr &sources, mlir::MLIRContext *context,
                                                  const InputLimits &limits = {});

/// The same from memory, aligned to 64 bytes.
mlir::OwningOpRef<mlir::ModuleOp> parseModule(std::unique_ptr<llvm::MemoryBuffer> buffer, llvm::SourceMgr &sources,
                                              mlir::MLIRContext *context, const InputLimits &limits = {});

/// Whether a file may be handed to MLIR's parser: text is scanned, bytecode is read in a child process.
/// What is not well-formed is left for the parser to refuse. Messages begin with the file's name.
llvm::Error checkModuleBuffer(const llvm::MemoryBuffer &file, const InputLimits &limits, const mlir::DialectRegistry &registry,
                              llvm::StringRef splitMarker = "");

struct SaveOptions {
  /// Writes weights into the module itself, as `dense_resource`: hex in text, bytes in bytecode.
  bool inlineWeights = false;
};

/// Writes `module` to `path`, as bytecode when that ends in `.mlirbc`, else as text ("-" is stdout). Weights in resources
/// go to a side file, `path` with the extension `.weights`, as do those of `#onnx.external` unless `path` is in the very
/// directory that they are read from. Both files appear whole or not at all. The module itself is not changed. Weights go
/// into no side file when writing to stdout: `#onnx.external` stays and resources print as hex.
mlir::LogicalResult saveModule(mlir::ModuleOp module, llvm::StringRef path, const SaveOptions &options = {});

} // namespace qllm

#endif // QLLM_TARGET_MODULE_MODULEFILE_H
