// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The function's type follows its block and its terminator.

#include "Cuts.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/BitVector.h"

using namespace mlir;
using namespace qllm;

void qllm::returnOnly(func::FuncOp function, Value value) {
  Operation *terminator = function.getBody().front().getTerminator();
  (void)function.eraseResults(llvm::BitVector(function.getNumResults(), true));
  (void)function.insertResult(0, value.getType(), DictionaryAttr());
  terminator->setOperands(value);
}

void qllm::becomeArguments(func::FuncOp function, Operation *op) {
  for (OpResult result : op->getResults()) {
    if (result.use_empty() || isa<NoneType>(result.getType()))
      continue;
    unsigned place = function.getNumArguments();
    (void)function.insertArgument(place, result.getType(), DictionaryAttr(), op->getLoc());
    result.replaceAllUsesWith(function.getArgument(place));
  }
}

void qllm::cutAbove(func::FuncOp function, Operation *place) {
  // Computed at run time: an argument, or anything that depends on one.
  llvm::DenseSet<Operation *> runs;
  for (Operation &op : function.getBody().front()) {
    if (&op == place)
      break;
    llvm::SetVector<Value> reads(op.operand_begin(), op.operand_end());
    getUsedValuesDefinedAbove(op.getRegions(), reads);
    if (llvm::any_of(reads, [&](Value value) {
          return isa<BlockArgument>(value) || runs.contains(value.getDefiningOp());
        }))
      runs.insert(&op);
  }
  for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
    if (&op == place)
      break;
    bool crosses = llvm::any_of(op.getUsers(), [&](Operation *user) {
      Operation *inBlock = function.getBody().front().findAncestorOpInBlock(*user);
      return !inBlock->isBeforeInBlock(place);
    });
    if (runs.contains(&op) && crosses)
      becomeArguments(function, &op);
  }
}

void qllm::dropUnused(func::FuncOp function) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front())))
    // Operators that are not known (onnx.Custom) have effects for a pass, but none that this is
    // about.
    if (!op.hasTrait<OpTrait::IsTerminator>() && op.use_empty())
      op.erase();
  llvm::BitVector unused(function.getNumArguments());
  for (BlockArgument argument : function.getArguments())
    unused[argument.getArgNumber()] = argument.use_empty();
  (void)function.eraseArguments(unused);
}
