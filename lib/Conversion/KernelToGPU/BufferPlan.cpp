// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Launches stand in a line, so a value is read later if one of its memory's values has a user
// behind.

#include "BufferPlan.h"

using namespace mlir;
using namespace qllm;

BufferPlan::BufferPlan(func::FuncOp function) {
  Block &block = function.front();
  for (Value argument : block.getArguments())
    addRoot(argument);
  for (Operation &op : block.without_terminator())
    if (auto launch = dyn_cast<qk::LaunchOp>(op))
      placeResults(launch);
    else
      addRoot(op.getResult(0));
  planFrees(block);
}

void BufferPlan::addRoot(Value value) {
  roots[value] = value;
  aliases[value] = {value};
}

void BufferPlan::placeResults(qk::LaunchOp launch) {
  ArrayRef<int64_t> pairs = launch.getInPlace().value_or(ArrayRef<int64_t>());
  for (size_t entry = 0; entry != pairs.size(); entry += 2) {
    Value result = launch.getResult(unsigned(pairs[entry]));
    auto operand = unsigned(pairs[entry + 1]);
    places[result] = {operand, isReadLater(launch.getInputs()[operand], launch)};
  }
  for (Value result : launch.getResults()) {
    auto place = places.find(result);
    Value root = place == places.end() || place->second.isCopied
                     ? result
                     : roots[launch.getInputs()[place->second.operand]];
    roots[result] = root;
    aliases[root].push_back(result);
  }
}

bool BufferPlan::isReadLater(Value operand, qk::LaunchOp launch) const {
  unsigned uses = 0;
  for (Value alias : aliases.lookup(roots.lookup(operand)))
    for (OpOperand &use : alias.getUses()) {
      if (launch->isBeforeInBlock(use.getOwner()))
        return true;
      uses += use.getOwner() == launch;
    }
  return uses > 1; // kernels take for granted that nothing else is in that memory
}

std::optional<BufferPlan::Place> BufferPlan::placeOf(OpResult result) const {
  auto place = places.find(result);
  return place == places.end() ? std::nullopt : std::optional(place->second);
}

void BufferPlan::planFrees(Block &block) {
  for (Operation &op : block.without_terminator())
    for (Value root : op.getResults()) {
      if (roots[root] != root)
        continue;
      Operation *last = &op;
      for (Value alias : aliases[root])
        for (Operation *user : alias.getUsers())
          if (last->isBeforeInBlock(user))
            last = user;
      if (last != block.getTerminator())
        frees[last].push_back(root);
    }
}

ArrayRef<Value> BufferPlan::freedAfter(Operation *op) const {
  auto found = frees.find(op);
  return found == frees.end() ? ArrayRef<Value>() : ArrayRef<Value>(found->second);
}
