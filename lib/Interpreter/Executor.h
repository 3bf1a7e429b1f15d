// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Runs plans.

#ifndef QLLM_LIB_INTERPRETER_EXECUTOR_H
#define QLLM_LIB_INTERPRETER_EXECUTOR_H

#include "OperationAttributes.h"
#include "Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Interpreter/Quantized.h"

namespace qllm::interp {

using Values = llvm::SmallVector<Value, 4>;

/// The function of the model that a node of its own operator calls, or null.
mlir::func::FuncOp findModelFunction(mlir::ModuleOp module, mlir::Operation *custom);

class Executor {
public:
  Executor(mlir::ModuleOp module, InterpreterOptions options)
      : module(module), symbols(module),
        constantBudget(std::make_shared<KeepBudget>(options.constantBytes)),
        threads(options.threads), device(options.device) {}

  /// Runs a function with as many inputs as it has arguments.
  llvm::LogicalResult callFunction(mlir::func::FuncOp function, llvm::ArrayRef<Value> inputs,
                                   const CallScope *scope, Values &results);

  /// Runs a plan of one operation; nothing is kept for a later run.
  llvm::LogicalResult runAlone(BlockPlan &plan, llvm::ArrayRef<Value> inputs, Values &results);

  mlir::func::FuncOp lookup(llvm::StringRef name) {
    return symbols.lookup<mlir::func::FuncOp>(name);
  }

  mlir::ModuleOp module;
  Observer observer;
  ThreadPool &pool() { return threads; }

private:
  friend class ControlFlow;
  using Frame = std::vector<Value>;

  llvm::LogicalResult runBlock(BlockPlan &plan, llvm::ArrayRef<Value> inputs, const Frame *outer,
                               const std::vector<bool> *outerConstants, const CallScope *scope,
                               Values &results);
  llvm::LogicalResult runStep(BlockPlan &plan, Step &step, Frame &frame, bool mayConsume,
                              const CallScope *scope);
  llvm::LogicalResult runKernel(Step &step, Values &inputs, Values &outputs,
                                const CallScope *scope);
  /// Fails, with a diagnostic at the operation that would be next, when the context's RunListener
  /// wants no more.
  llvm::LogicalResult checkStop(mlir::Operation *next);
  llvm::LogicalResult prepareConstants(BlockPlan &plan, Frame &frame, const Frame *outer,
                                       const std::vector<bool> *outerConstants,
                                       const CallScope *scope);
  llvm::LogicalResult runStructured(BlockPlan &plan, Step &step, Values &inputs, const Frame &frame,
                                    Values &outputs, const CallScope *scope);
  llvm::LogicalResult callCustom(Step &step, Values &inputs, Values &outputs,
                                 const CallScope *scope);
  llvm::LogicalResult callOperation(mlir::func::FuncOp function, Step &step, Values &inputs,
                                    Values &outputs, const CallScope *scope);
  bool keepConstants(llvm::ArrayRef<Value> values);

  mlir::SymbolTable symbols;
  std::shared_ptr<KeepBudget> constantBudget;
  ThreadPool threads;
  Device *device;
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<BlockPlan>> plans;
};

/// Control flow of ONNX, for one step.
class ControlFlow {
public:
  ControlFlow(Executor &executor, BlockPlan &plan, Step &step, const std::vector<Value> &frame,
              const CallScope *scope)
      : executor(executor), plan(plan), step(step), frame(frame), scope(scope) {}
  /// Null for operators that are not control flow.
  llvm::LogicalResult runIf(Values &inputs, Values &outputs);
  llvm::LogicalResult runLoop(Values &inputs, Values &outputs);
  llvm::LogicalResult runScan(Values &inputs, Values &outputs);
  llvm::LogicalResult runSequenceMap(Values &inputs, Values &outputs);

private:
  llvm::LogicalResult runBody(llvm::StringRef attribute, llvm::ArrayRef<Value> arguments,
                              Values &results);
  BlockPlan *body(llvm::StringRef attribute);
  llvm::LogicalResult stack(llvm::ArrayRef<Value> slices, int64_t axis, mlir::Type type,
                            Value &result);
  llvm::LogicalResult slice(const Tensor &tensor, int64_t axis, int64_t index, Tensor &result);
  llvm::LogicalResult error(const llvm::Twine &text) { return step.op->emitError(text); }

  Executor &executor;
  BlockPlan &plan;
  Step &step;
  const std::vector<Value> &frame;
  const CallScope *scope;
};

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_EXECUTOR_H
