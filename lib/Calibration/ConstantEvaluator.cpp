// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Post-order over the expression; a value goes when its last reader inside the expression has run.

#include "qllm/Calibration/ConstantEvaluator.h"

#include "mlir/IR/Diagnostics.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"

using namespace mlir;
using namespace qllm;
using interp::OperationRunner;

namespace {

class Evaluation {
public:
  explicit Evaluation(OperationRunner &runner) : runner(runner) {}

  llvm::Expected<interp::Value> run(Value root) {
    collect(root.getDefiningOp());
    ++uses[root];
    std::string message;
    // Kernels report where they fail; here that is the caller's to tell, with the weight's name.
    ScopedDiagnosticHandler handler(root.getContext(), [&](Diagnostic &diagnostic) {
      if (message.empty())
        message = diagnostic.str();
      return success();
    });
    for (Operation *op : order)
      if (failed(runOperation(op)))
        return llvm::createStringError(message.empty() ? "its expression cannot be computed"
                                                       : message);
    return std::move(values[root]);
  }

private:
  void collect(Operation *op) {
    if (!visited.insert(op).second)
      return;
    for (Value input : OperationRunner::inputsOf(op)) {
      ++uses[input];
      collect(input.getDefiningOp());
    }
    order.push_back(op);
  }

  LogicalResult runOperation(Operation *op) {
    llvm::SmallVector<interp::Value> results;
    runner.prepare(op);
    if (failed(runner.run([&](Value input) -> const interp::Value & { return values[input]; },
                          results)))
      return failure();
    for (auto [result, contents] : llvm::zip_equal(op->getResults(), results))
      if (uses.contains(result))
        values[result] = std::move(contents);
    for (Value input : OperationRunner::inputsOf(op))
      if (--uses[input] == 0)
        values.erase(input);
    return success();
  }

  OperationRunner &runner;
  llvm::DenseSet<Operation *> visited;
  std::vector<Operation *> order;
  llvm::DenseMap<Value, unsigned> uses;
  llvm::DenseMap<Value, interp::Value> values;
};

} // namespace

static llvm::Expected<interp::Value> evaluate(OperationRunner &runner, Value value) {
  if (!isConstantExpression(value))
    return llvm::createStringError("expected a constant, but got a value computed at run time");
  return Evaluation(runner).run(value);
}

llvm::Expected<Tensor> qllm::evaluateStored(OperationRunner &runner, Value value) {
  llvm::Expected<interp::Value> result = evaluate(runner, value);
  if (!result)
    return result.takeError();
  if (const Tensor *tensor = result->tensor())
    return *tensor;
  return llvm::createStringError("expected a tensor, but got " + result->describe());
}

llvm::Expected<Tensor> qllm::evaluateConstant(OperationRunner &runner, Value value) {
  llvm::Expected<interp::Value> result = evaluate(runner, value);
  if (!result)
    return result.takeError();
  if (const interp::QuantizedTensor *quantized = result->quantized())
    return quantized->values(runner.pool());
  if (const Tensor *tensor = result->tensor(); tensor && isFloat(tensor->type()))
    return cast(*tensor, ElementType::F32);
  return llvm::createStringError("expected a float tensor, but got " + result->describe());
}

llvm::Expected<MatrixF> qllm::evaluateConstantMatrix(OperationRunner &runner, Value value) {
  llvm::Expected<Tensor> tensor = evaluateConstant(runner, value);
  if (!tensor)
    return tensor.takeError();
  if (tensor->rank() != 2)
    return llvm::createStringError("expected a matrix, but got " + describe(*tensor));
  return MatrixF(tensor->dim(0), tensor->dim(1), tensor->values<float>());
}
