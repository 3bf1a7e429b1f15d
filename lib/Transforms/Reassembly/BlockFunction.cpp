// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Slices of the graph behind sites.

#include "BlockFunction.h"

#include "qllm/Interpreter/OperationRunner.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

BlockFunctions::BlockFunctions(func::FuncOp function) : block(function.getBody().front()) {
  for (Operation &op : block) {
    bool starts = isa<LinearOp, EmbeddingOp>(op);
    bool carries = starts || llvm::any_of(interp::OperationRunner::inputsOf(&op),
                                          [&](Value value) { return activations.contains(value); });
    if (!carries)
      continue;
    for (Value result : op.getResults()) {
      // Sizes taken from an activation are no activations.
      auto shaped = dyn_cast<ShapedType>(result.getType());
      if (!shaped || isa<FloatType>(shaped.getElementType()))
        activations.insert(result);
    }
  }
}

SmallVector<Value> BlockFunctions::outputs(const Site &site) const {
  llvm::DenseSet<Value> slice, products;
  SmallVector<Value> outputs, results;
  for (LinearOp linear : site.linears) {
    slice.insert(linear.getResult());
    products.insert(linear.getResult());
    results.push_back(linear.getResult());
  }
  auto inSlice = [&](Value value) { return slice.contains(value); };
  LinearOp first = site.linears.front();
  for (Operation &op : llvm::make_range(std::next(first->getIterator()), block.end())) {
    if (auto linear = dyn_cast<LinearOp>(op)) {
      Value input = linear.getInput();
      if (inSlice(input) && !products.contains(input) && !llvm::is_contained(outputs, input))
        outputs.push_back(input);
      continue;
    }
    SmallVector<Value> inputs = interp::OperationRunner::inputsOf(&op);
    bool belongs = llvm::any_of(inputs, inSlice) && llvm::all_of(inputs, [&](Value value) {
                     return inSlice(value) || !activations.contains(value);
                   });
    if (belongs && !op.hasTrait<OpTrait::IsTerminator>())
      slice.insert(op.result_begin(), op.result_end());
  }
  return outputs.empty() ? results : outputs;
}
