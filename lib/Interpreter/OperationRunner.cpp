// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plan of one step, made anew for each operation.

#include "qllm/Interpreter/OperationRunner.h"
#include "Executor.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"

using namespace qllm;
using namespace qllm::interp;

struct OperationRunner::Implementation : Executor {
  using Executor::Executor;

  std::unique_ptr<BlockPlan> plan;
  llvm::SmallVector<mlir::Value> inputs;
};

OperationRunner::OperationRunner(mlir::ModuleOp module, unsigned threads)
    : implementation(std::make_unique<Implementation>(
          module, InterpreterOptions{threads, /*constantBytes=*/0})) {}
OperationRunner::~OperationRunner() = default;

ThreadPool &OperationRunner::pool() { return implementation->pool(); }

llvm::SmallVector<mlir::Value> OperationRunner::inputsOf(mlir::Operation *op) {
  llvm::SetVector<mlir::Value> values(op->operand_begin(), op->operand_end());
  mlir::getUsedValuesDefinedAbove(op->getRegions(), values);
  values.remove_if([](mlir::Value value) {
    mlir::Operation *source = value.getDefiningOp();
    return source && source->getName().getStringRef() == "onnx.None";
  });
  return values.takeVector();
}

void OperationRunner::prepare(mlir::Operation *op) {
  implementation->inputs.clear();
  implementation->plan = planOperation(*op, implementation->inputs);
}

llvm::LogicalResult OperationRunner::run(llvm::function_ref<const Value &(mlir::Value)> valueOf,
                                         llvm::SmallVectorImpl<Value> &results) {
  Values inputs, outputs;
  for (mlir::Value input : implementation->inputs)
    inputs.push_back(valueOf(input));
  if (failed(implementation->runAlone(*implementation->plan, inputs, outputs)))
    return llvm::failure();
  results.assign(outputs.begin(), outputs.end());
  return llvm::success();
}
