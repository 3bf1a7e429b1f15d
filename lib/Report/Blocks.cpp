// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks are found by the numbers in layer names and checked on the data flow: between the input of
// a block and that of the next one there may be no other way.

#include "Blocks.h"

#include "qllm/Analysis/Coverage.h"
#include "qllm/Analysis/Weights.h"
#include "qllm/Calibration/Sites.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Interpreter/OperationRunner.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::report;

namespace {

bool isBranch(Value value) {
  Operation *op = value.getDefiningOp();
  return op && op->hasAttr(branchAttr);
}

/// Branches are added behind the layer.
Value outputOf(LinearOp linear) {
  Value value = linear.getResult();
  while (value.hasOneUse()) {
    auto add = dyn_cast<onnx::AddOp>(*value.user_begin());
    if (!add || add.getOperand(0) != value || !isBranch(add.getOperand(1)))
      break;
    value = add->getResult(0);
  }
  return value;
}

Value inFrontOfNorm(Value value) {
  Operation *op = value.getDefiningOp();
  return isa_and_present<onnx::RMSNormalizationOp, onnx::LayerNormalizationOp>(op)
             ? op->getOperand(0)
             : value;
}

Value findLogits(func::FuncOp function) {
  Operation *end = function.getBody().front().getTerminator();
  for (auto [i, value] : llvm::enumerate(end->getOperands()))
    if (auto name = function.getResultAttrOfType<StringAttr>(unsigned(i), "onnx.name"))
      if (name == "logits")
        return value;
  return {};
}

/// Layers outside the block on the way from its input to its output.
std::string otherWay(const BlockList &list, const ModelBlock &block) {
  llvm::DenseMap<Operation *, const Layer *> known;
  for (const Layer &layer : list.layers)
    known[layer.linear] = &layer;
  SmallVector<Value> pending{block.output};
  DenseSet<Value> seen{block.input, block.output};
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val().getDefiningOp();
    if (!op)
      continue;
    if (auto found = known.find(op); found != known.end() && found->second->block != block.number)
      return found->second->name;
    for (Value operand : interp::OperationRunner::inputsOf(op))
      if (seen.insert(operand).second)
        pending.push_back(operand);
  }
  return "";
}

void findLayers(func::FuncOp function, BlockList &list) {
  for (auto linear : function.getBody().front().getOps<LinearOp>()) {
    if (linear->hasAttr(branchAttr))
      continue;
    Layer layer;
    layer.name = siteName(linear);
    layer.linear = linear;
    layer.kind = siteKindOf(layer.name, layer.block);
    layer.output = outputOf(linear);
    list.layers.push_back(std::move(layer));
  }
}

} // namespace

Value report::quantizerInput(LinearOp linear) {
  Value value = linear.getInput();
  auto quantize = value.getDefiningOp<QuantizeOp>();
  return quantize ? quantize.getInput() : value;
}

Value report::activationOf(LinearOp linear) {
  Value value = linear.getInput();
  while (Operation *op = value.getDefiningOp()) {
    bool isResidual = isa<onnx::SubOp>(op) && isBranch(op->getOperand(1));
    if (!isResidual && !isa<ChannelTransform, QuantizeOp, onnx::IdentityOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

const Layer *BlockList::find(StringRef name) const {
  auto found = llvm::find_if(layers, [&](const Layer &layer) { return layer.name == name; });
  return found == layers.end() ? nullptr : &*found;
}

BlockList report::findBlocks(func::FuncOp function) {
  BlockList list;
  findLayers(function, list);
  list.logits = findLogits(function);
  Value end = list.logits;
  for (auto [index, layer] : llvm::enumerate(list.layers)) {
    if (layer.block < 0) {
      if (!list.blocks.empty()) { // the head
        end = inFrontOfNorm(activationOf(layer.linear));
        break;
      }
      continue;
    }
    if (list.blocks.empty() || list.blocks.back().number != layer.block) {
      ModelBlock block;
      block.number = layer.block;
      block.input = inFrontOfNorm(activationOf(layer.linear));
      list.blocks.push_back(std::move(block));
    }
    list.blocks.back().layers.push_back(index);
  }
  for (size_t i = 0; i < list.blocks.size(); ++i)
    list.blocks[i].output = i + 1 < list.blocks.size() ? list.blocks[i + 1].input : end;
  if (list.blocks.empty())
    list.problem = "no layer has a name with the number of a block";
  for (const ModelBlock &block : list.blocks) {
    if (!block.output)
      list.problem = "nothing reads what leaves the last block";
    else if (std::string other = otherWay(list, block); !other.empty())
      list.problem = "block " + std::to_string(block.number) + " also reads what '" + other +
                     "' computes, past its input";
    if (!list.problem.empty())
      break;
  }
  if (!list.problem.empty())
    list.blocks.clear();
  return list;
}
