// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "FoldConstants.h"

#include "qllm/Analysis/PackedWeight.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Interpreter/OperationRunner.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace qllm;

namespace {

/// What a run-time operation reads of constants, with the first reader.
using Expressions = llvm::MapVector<Value, Operation *>;

class Finder {
public:
  Expressions find(ModuleOp module) {
    Expressions found;
    module.walk([&](Operation *op) {
      if (op->getNumResults() && isConstantExpression(op->getResult(0)))
        return;
      for (Value operand : op->getOperands())
        if (isa<RankedTensorType>(operand.getType()) && isExpression(operand))
          found.insert({operand, op});
    });
    return found;
  }

private:
  bool isExpression(Value value) {
    return isConstantExpression(value) && hasTransform(value.getDefiningOp());
  }
  /// Whether the qllm dialect has a part in it, other than codes that are read as they are.
  bool hasTransform(Operation *op) {
    auto [entry, isNew] = transforms.insert({op, false});
    if (!isNew)
      return entry->second;
    bool result = isa<ChannelTransform, QuantizeOp, LinearOp, LowRankOp>(op);
    for (Value operand : op->getOperands())
      result = result || hasTransform(operand.getDefiningOp());
    return transforms[op] = result;
  }

  DenseMap<Operation *, bool> transforms;
};

/// The name of the weight that an expression is made of.
std::string nameOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (StringRef name = weightName(value); !name.empty())
      return name.str();
    if (op->getNumOperands() == 0)
      break;
    value = op->getOperand(0);
  }
  return "folded";
}

} // namespace

FailureOr<unsigned> qllm::foldConstantExpressions(ModuleOp module, GraphBuilder &graph) {
  Expressions expressions = Finder().find(module);
  if (expressions.empty())
    return 0u;
  interp::OperationRunner runner(module, /*threads=*/0);
  for (auto [value, reader] : expressions) {
    auto type = cast<RankedTensorType>(value.getType());
    llvm::Expected<Tensor> values = evaluateConstant(runner, value);
    if (!values)
      return reader->emitError() << "the constant that it reads cannot be computed: "
                                 << llvm::toString(values.takeError());
    if (!type.getElementType().isF32())
      return reader->emitError() << "expected a constant of f32 to compute, but got " << type;
    graph.setSite(value.getDefiningOp());
    std::string name = nameOf(value);
    ArrayRef<char> bytes(values->rawData(), values->byteSize());
    auto folded = RankedTensorType::get(values->shape(), type.getElementType());
    value.replaceAllUsesWith(graph.initializer(name, makeBlob(folded, bytes, name)));
  }
  return static_cast<unsigned>(expressions.size());
}
