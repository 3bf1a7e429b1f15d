// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One run of one module from files to files.

#ifndef QLLM_TOOLS_MODULERUN_H
#define QLLM_TOOLS_MODULERUN_H

#include "mlir/IR/MLIRContext.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/Support/LogicalResult.h"
#include <string>
#include <vector>

namespace qllm {

struct ModuleRun {
  std::string model;
  /// NAME=FILE.npy or FILE.npz.
  std::vector<std::string> inputs;
  /// A .npz, or empty to print a summary of each result.
  std::string output;
  std::string function;
  unsigned threads;
  /// Runs so many times and prints the seconds of each; 0 for one run and no times.
  unsigned repeat = 0;
  /// Where launched kernels run, such as sm_80; empty for nowhere.
  std::string device;
  /// Of a module that is no ONNX file.
  InputLimits limits;

  /// Without inputs, output and a function of that name, every function without arguments runs, in
  /// order. Failures are diagnostics.
  llvm::LogicalResult execute(mlir::MLIRContext *context) const;
};

} // namespace qllm

#endif // QLLM_TOOLS_MODULERUN_H
