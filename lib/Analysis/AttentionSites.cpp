// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds attention in both forms: the operator, and products around a softmax as tracing exporters
// write it.

#include "qllm/Analysis/AttentionSites.h"

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
  if (!isa<onnx::AddOp, onnx::MulOp, onnx::DivOp, onnx::WhereOp, onnx::CastOp, onnx::IdentityOp>(
          op))
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

/// Whether a reshape leaves the matrices of the last two axes alone: [heads, channels, n] to
/// [batch, heads, channels, n].
bool keepsMatrices(onnx::ReshapeOp op) {
  auto from = dyn_cast<RankedTensorType>(op.getData().getType());
  auto to = dyn_cast<RankedTensorType>(op.getReshaped().getType());
  if (!from || !to || from.getRank() < 2 || to.getRank() < 2)
    return false;
  int64_t rows = from.getDimSize(from.getRank() - 2), columns = from.getShape().back();
  // With one static size equal, the other one is what the leading axes leave.
  return rows == to.getDimSize(to.getRank() - 2) && columns == to.getShape().back() &&
         !(ShapedType::isDynamic(rows) && ShapedType::isDynamic(columns));
}

/// A swap of the last two axes of a rank 4 value, as exporters write it where only rank 3 is at
/// hand: batch and heads become one axis for the transpose and two again behind it. Their sizes are
/// computed at run time, so types do not show it. Returns the operand that reads the value before
/// all this.
OpOperand *swapInRankThree(onnx::ReshapeOp last) {
  auto rank = [](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    return type ? type.getRank() : 0;
  };
  auto transpose = last.getData().getDefiningOp<onnx::TransposeOp>();
  auto first = transpose ? transpose.getData().getDefiningOp<onnx::ReshapeOp>() : onnx::ReshapeOp();
  bool swaps =
      transpose && transpose.getPerm() && *transpose.getPerm() == ArrayRef<int64_t>{0, 2, 1};
  if (!first || !swaps || rank(first.getData()) != 4 || rank(last.getReshaped()) != 4)
    return nullptr;
  return &first.getDataMutable();
}

/// The place where keys still have a head's channels last: behind the transpose in front of the
/// product. Where the transpose does more than swap (heads and positions at once), its input is
/// [batch, position, head, channel], which serves as well: the last axis is the same.
OpOperand *keyOperand(OpOperand &productOperand) {
  Value value = productOperand.get();
  for (unsigned depth = 0; depth < 6; ++depth) {
    Operation *op = value.getDefiningOp();
    if (auto transpose = dyn_cast_if_present<onnx::TransposeOp>(op)) {
      std::optional<ArrayRef<int64_t>> permutation = transpose.getPerm();
      int64_t rank = permutation ? permutation->size() : 0;
      bool lastBecomesRows = rank >= 2 && (*permutation)[rank - 2] == rank - 1;
      return lastBecomesRows ? &transpose.getDataMutable() : nullptr;
    }
    auto reshape = dyn_cast_if_present<onnx::ReshapeOp>(op);
    if (reshape && !keepsMatrices(reshape))
      return swapInRankThree(reshape);
    if (!reshape && !isa_and_present<onnx::MulOp, onnx::DivOp, onnx::CastOp, onnx::IdentityOp>(op))
      return nullptr;
    OpOperand *next = reshape ? &reshape.getDataMutable() : onlyComputedOperand(op);
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
    site.problem =
        "expected a transpose that makes the keys' channels the rows of the product, but "
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
