// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the targets of modules share: contexts with the dialects of a model, and limits for a small stack.

#ifndef QLLM_FUZZ_FUZZMODULE_H
#define QLLM_FUZZ_FUZZMODULE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/MLIRContext.h"
#include "qllm/Dialect/Kernel/IR/KernelDialect.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Target/Module/InputLimits.h"
#include "llvm/Support/raw_ostream.h"

namespace qllm::fuzz {

inline const mlir::DialectRegistry &modelDialects() {
  static const mlir::DialectRegistry registry = [] {
    mlir::DialectRegistry dialects;
    dialects.insert<mlir::func::FuncDialect, onnx::ONNXDialect, QLLMDialect, qk::KernelDialect>();
    return dialects;
  }();
  return registry;
}

/// Stacks are larger with sanitizers, and targets run on an ordinary one.
inline InputLimits smallLimits() {
  InputLimits limits;
  limits.nesting = 64;
  limits.literal = 256;
  limits.expansion = 1 << 16;
  limits.seconds = 5;
  return limits;
}

/// Counts what is printed.
inline void printToNowhere(mlir::Operation *module) { module->print(llvm::nulls()); }

} // namespace qllm::fuzz

#endif // QLLM_FUZZ_FUZZMODULE_H
