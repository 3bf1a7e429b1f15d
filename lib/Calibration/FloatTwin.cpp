// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The copy is made before anything is rewritten, and values are found through the copy's mapping.

#include "qllm/Calibration/FloatTwin.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/RemoveQuantizers.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

FloatTwin::FloatTwin(func::FuncOp function, unsigned threads,
                     std::vector<std::vector<interp::Value>> inputs)
    : module(cast<ModuleOp>(function->getParentOfType<ModuleOp>()->clone(mapping))),
      runner(std::make_unique<interp::OperationRunner>(*module, threads)) {
  removeQuantizers(*module);
  auto copy = SymbolTable(*module).lookup<func::FuncOp>(function.getSymName());
  floatWalk = std::make_unique<Walk>(copy, *runner, std::move(inputs));
}

Value FloatTwin::find(Value original) const { return mapping.lookupOrNull(original); }

Value qllm::residualOf(const Site &site) {
  if (site.linears.size() != 1)
    return {};
  Value result = LinearOp(site.linears.front()).getResult();
  auto add = result.hasOneUse() ? dyn_cast<onnx::AddOp>(*result.user_begin()) : onnx::AddOp();
  if (!add)
    return {};
  Value other = add.getOperand(0) == result ? add.getOperand(1) : add.getOperand(0);
  return other.getType() == result.getType() && !isConstantExpression(other) ? other : Value();
}
