// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What every command needs: a context with all dialects, the log, and models from whatever the user
// names.

#ifndef QLLM_TOOLS_USERTOOL_SESSION_H
#define QLLM_TOOLS_USERTOOL_SESSION_H

#include "qllm/API/Context.h"
#include "qllm/Target/Module/InputLimits.h"
#include "qllm/Tools/UserTool/Log.h"

namespace qllm::tool {

class Session {
public:
  /// `threads` workers; 0 takes one per core.
  explicit Session(unsigned threads);

  mlir::MLIRContext &getContext() { return context.mlir(); }

  /// Loads an ONNX file, an .mlir or .mlirbc file, or a directory that `import` or `quantize` has
  /// written. Null after an error, which has been logged.
  mlir::OwningOpRef<mlir::ModuleOp> load(llvm::StringRef path);

  /// The file that `load` reads for `path`; empty after an error, which has been logged.
  std::string resolve(llvm::StringRef path);

  unsigned getThreads() const { return context.threads(); }

  Log log;
  /// On modules and plans.
  InputLimits limits;

  /// What was typed, for reports: quoted so that a shell reads it again.
  std::string commandLine;

private:
  void report(mlir::Diagnostic &diagnostic);

  api::Context context;
};

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_SESSION_H
