// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The driver of qllm-translate. Unlike MLIR's it hands over the path of its input, because weights lie beside it.

#ifndef QLLM_TOOLS_TRANSLATEMAIN_H
#define QLLM_TOOLS_TRANSLATEMAIN_H

#include "llvm/ADT/ArrayRef.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/LogicalResult.h"
#include <functional>
#include <string>

namespace llvm::cl {
class OptionCategory;
} // namespace llvm::cl

namespace mlir {
class DialectRegistry;
class MLIRContext;
} // namespace mlir

namespace qllm {

/// One thing that qllm-translate does, chosen by `--<flag>`.
struct TranslateMode {
  const char *flag;
  const char *description;
  /// Paths as given; "-" is stdin or stdout. Errors are emitted as diagnostics of the context.
  std::function<llvm::LogicalResult(llvm::StringRef input, llvm::StringRef output, const InputLimits &limits, mlir::MLIRContext *context)> run;
  /// Of options that only this mode has; null if there are none.
  const llvm::cl::OptionCategory *options = nullptr;
};

TranslateMode importOnnxMode();
TranslateMode exportOnnxMode();

/// Exit status: 0 done, 1 bad input, 2 wrong usage.
int translateMain(int argc, char **argv, mlir::DialectRegistry &registry, llvm::ArrayRef<TranslateMode> modes);

} // namespace qllm

#endif // QLLM_TOOLS_TRANSLATEMAIN_H
