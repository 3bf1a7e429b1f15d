// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs single operations on given values, for whoever decides what comes next between two of them:
// calibration walks, and evaluation of constant expressions.

#ifndef QLLM_INTERPRETER_OPERATIONRUNNER_H
#define QLLM_INTERPRETER_OPERATIONRUNNER_H

#include "qllm/Interpreter/Interpreter.h"

namespace qllm::interp {

class OperationRunner {
public:
  /// `module` tells versions of operators and holds the functions that operations call; these must
  /// not change while this exists, everything else may.
  OperationRunner(mlir::ModuleOp module, unsigned threads);
  ~OperationRunner();

  ThreadPool &pool();

  /// The values that an operation and its regions read, each once; absent operands left out.
  static llvm::SmallVector<mlir::Value> inputsOf(mlir::Operation *op);

  /// Makes `op` the operation that `run` runs, until the next call; it must not change meanwhile.
  void prepare(mlir::Operation *op);

  /// Runs it on the values that `valueOf` gives for `inputsOf`, any number of times. `results` has
  /// one value for each result. Failures are emitted as diagnostics at the operation.
  llvm::LogicalResult run(llvm::function_ref<const Value &(mlir::Value)> valueOf,
                          llvm::SmallVectorImpl<Value> &results);

private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation;
};

} // namespace qllm::interp

#endif // QLLM_INTERPRETER_OPERATIONRUNNER_H
