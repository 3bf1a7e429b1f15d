// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds attention in both forms: the operator, and products around a softmax as tracing exporters write it.

#include "AttentionSites.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// The operand of an elementwise operation that is not a constant, if there is exactly one.
OpOperand *onlyComputedOperand(Operation *op) {
  OpOperand *found = nullptr;
  for (OpOperand &operand : op->getOpOperands()) {
    if (isConstantExpression(operand.get()))
      continue;
    if (found)
      return nullptr;
    found = &operand;
  }
  return found;
}

/// Scores reach the softmax through scaling and masking; the product is behind one of the operands.
onnx::MatMulOp scoresProduct(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || depth == 8)
    return {};
  if (auto product = dyn_cast<onnx::MatMulOp>(op))
    return product;
  if (!isa<onnx::AddOp, onnx::MulOp, onnx::DivOp, onnx::WhereOp, onnx::CastOp, onnx::IdentityOp>(op))
    return {};
  for (Value operand : op->getOperands())
    if (onnx::MatMulOp product = scoresProduct(operand, depth + 1))
      return product;
  return {};
}

/// The product that consumes the probabilities, which may be cleaned of NaNs first.
onnx::MatMulOp contextProduct(Value probabilities, unsigned depth = 0) {
  if (depth == 4)
    return {};
  for (OpOperand &use : probabilities.getUses()) {
    Operation *user = use.getOwner();
    if (auto product = dyn_cast<onnx::MatMulOp>(user))
      if (use.getOperandNumber() == 0)
        return product;
    if (isa<onnx::WhereOp, onnx::CastOp, onnx::IdentityOp, onnx::DropoutOp>(user))
      if (onnx::MatMulOp product = contextProduct(user->getResult(0), depth + 1))
        return product;
  }
  return {};
}

bool swapsLastAxes(onnx::TransposeOp op) {
  std::optional<ArrayRef<int64_t>> permutation = op.getPerm();
  if (!permutation)
    return false;
  int64_t rank = permutation->size();
  for (int64_t axis = 0; axis < rank - 2; ++axis)
    if ((*permutation)[axis] != axis)
      return false;
  return rank >= 2 && (*permutation)[rank - 2] == rank - 1 && (*permutation)[rank - 1] == rank - 2;
}

/// The place where keys still have a head's channels last: behind the transpose in front of the product. Where the
/// transpose does more than swap (heads and positions at once), its input is [batch, position, head, channel], which
/// serves as well: the last axis is the same.
OpOperand *keyOperand(OpOperand &productOperand) {
  Value value = productOperand.get();
  for (unsigned depth = 0; depth < 4; ++depth) {
    Operation *op = value.getDefiningOp();
    if (auto transpose = dyn_cast_if_present<onnx::TransposeOp>(op)) {
      std::optional<ArrayRef<int64_t>> permutation = transpose.getPerm();
      int64_t rank = permutation ? permutation->size() : 0;
      bool lastMoves = rank >= 2 && (*permutation)[rank - 2] == rank - 1;
      return swapsLastAxes(transpose) || lastMoves ? &transpose.getDataMutable() : nullptr;
    }
    if (!isa_and_present<onnx::MulOp, onnx::DivOp, onnx::CastOp, onnx::IdentityOp>(op))
      return nullptr;
    OpOperand *next = onlyComputedOperand(op);
    if (!next)
      return nullptr;
    value = next->get();
  }
  return nullptr;
}

std::optional<AttentionSite> fromSoftmax(onnx::SoftmaxOp softmax) {
  onnx::MatMulOp scores = scoresProduct(softmax.getInput());
  onnx::MatMulOp context = contextProduct(softmax.getOutput());
  // A softmax without both is a classifier's or a router's, no attention.
  if (!scores || !context)
    return std::nullopt;
  AttentionSite site;
  site.op = scores;
  OpOperand *key = keyOperand(scores.getBMutable());
  if (!key) {
    site.problem = "expected a transpose that makes the keys' channels the rows of the product, but "
                   "found none";
    return site;
  }
  site.operands = {{&scores.getAMutable(), 1}, {key, 1}, {&context.getBMutable(), 1}};
  return site;
}

AttentionSite fromOperator(onnx::AttentionOp op) {
  AttentionSite site;
  site.op = op;
  auto rank = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? type.getRank() : 0;
  };
  int64_t queryHeads = op.getQNumHeads().value_or(0), otherHeads = op.getKvNumHeads().value_or(0);
  if (rank(op.getQ()) == 4)
    queryHeads = otherHeads = 1;
  else if (rank(op.getQ()) != 3 || queryHeads < 1 || otherHeads < 1)
    site.problem = "expected queries of rank 4, or of rank 3 with the numbers of heads";
  site.operands = {{&op.getQMutable(), queryHeads},
                   {&op.getKMutable(), otherHeads},
                   {&op.getVMutable(), otherHeads}};
  return site;
}

} // namespace

SmallVector<AttentionSite> qllm::findAttention(Operation *root) {
  SmallVector<AttentionSite> sites;
  root->walk([&](Operation *op) {
    if (auto attention = dyn_cast<onnx::AttentionOp>(op)) {
      sites.push_back(fromOperator(attention));
    } else if (auto softmax = dyn_cast<onnx::SoftmaxOp>(op)) {
      if (std::optional<AttentionSite> site = fromSoftmax(softmax))
        sites.push_back(*site);
    } else if (isa<onnx::MicrosoftGroupQueryAttentionOp>(op)) {
      AttentionSite site;
      site.op = op;
      site.problem = "rotary embedding happens inside GroupQueryAttention, so its keys cannot be "
                     "quantized after it; raise the model first";
      sites.push_back(site);
    }
  });
  return sites;
}
