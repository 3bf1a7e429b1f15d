// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention and shared key and value heads.

#include "RaiseUtils.h"
#include "qllm/Analysis/ElementBounds.h"
#include "qllm/Transforms/Raise/Passes.h"

#include <cmath>

namespace qllm {
#define GEN_PASS_DEF_ONNXRAISEATTENTION
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

struct Match {
  Value q, k, v, mask;
  double scale = 1;
};

class Attention {
public:
  explicit Attention(ModuleOp module) : shapes(module) {}

  /// Replaces `op` if it is softmax(...) times v. Sets `reason` if it looks like it but was left.
  bool raise(onnx::MatMulOp op, std::string &reason);
  /// Takes repeated heads into an Attention operator that is there already.
  bool shareHeads(onnx::AttentionOp op);

private:
  Value withoutRepeat(Value value);
  Value untransposedKey(Value value);
  bool fits(const Match &match, std::string &reason);
  Value fullMask(Value mask, Value k, Operation *before);

  SymbolicShapes shapes;
};

/// k behind Reshape(Expand(Unsqueeze(k, 2))), which repeats each head; `value` itself if it is not
/// that.
Value Attention::withoutRepeat(Value value) {
  Value wide = operandOf<onnx::ReshapeOp>(value);
  Value column = wide ? operandOf<onnx::ExpandOp>(wide) : Value();
  auto unsqueeze = column ? column.getDefiningOp<onnx::UnsqueezeOp>() : onnx::UnsqueezeOp();
  if (!unsqueeze)
    return value;
  std::optional<SmallVector<int64_t>> axes = constantInts(unsqueeze.getAxes());
  Value k = unsqueeze.getData();
  std::optional<SymbolicShape> from = shapes.shape(k), repeated = shapes.shape(wide),
                               to = shapes.shape(value);
  if (!axes || axes->size() != 1 || (axes->front() != 2 && axes->front() != -3) || !from ||
      !repeated || !to || from->size() != 4 || repeated->size() != 5 || to->size() != 4)
    return value;
  bool expandKeeps =
      shapes.equal((*repeated)[0], (*from)[0]) && shapes.equal((*repeated)[1], (*from)[1]) &&
      shapes.equal((*repeated)[3], (*from)[2]) && shapes.equal((*repeated)[4], (*from)[3]);
  bool reshapeJoins = shapes.equal((*to)[0], (*from)[0]) && shapes.equal((*to)[2], (*from)[2]) &&
                      shapes.equal((*to)[3], (*from)[3]);
  SymbolicDim heads = (*from)[1], groups = (*repeated)[2];
  bool counts =
      heads.known && groups.known && (*to)[1].known && (*to)[1].value == heads.value * groups.value;
  return expandKeeps && reshapeJoins && counts ? k : value;
}

/// k of a value that is k with its last two axes swapped.
Value Attention::untransposedKey(Value value) {
  auto transpose = value.getDefiningOp<onnx::TransposeOp>();
  if (!transpose || !transpose.getPerm() || transpose.getPerm()->size() != 4)
    return nullptr;
  ArrayRef<int64_t> perm = *transpose.getPerm();
  if (perm == ArrayRef<int64_t>{0, 1, 3, 2})
    return transpose.getData();
  // [batch, sequence, heads, d] straight to [batch, heads, d, sequence].
  if (perm != ArrayRef<int64_t>{0, 2, 3, 1})
    return nullptr;
  std::optional<SymbolicShape> shape = shapes.shape(transpose.getData());
  if (!shape)
    return nullptr;
  OpBuilder builder(transpose);
  std::swap((*shape)[1], (*shape)[2]);
  return onnx::TransposeOp::create(builder, transpose.getLoc(),
                                   typeFor(transpose.getData(), *shape), transpose.getData(),
                                   builder.getDenseI64ArrayAttr({0, 2, 1, 3}));
}

/// What the operator demands beyond the form of the graph.
bool Attention::fits(const Match &match, std::string &reason) {
  std::optional<SymbolicShape> q = shapes.shape(match.q), k = shapes.shape(match.k),
                               v = shapes.shape(match.v);
  if (!q || !k || !v || q->size() != 4 || k->size() != 4 || v->size() != 4) {
    reason = "query, key and value are not known to have rank 4";
    return false;
  }
  if (!shapes.equal((*q)[0], (*k)[0]) || !shapes.equal((*q)[0], (*v)[0])) {
    reason = "query, key and value are not known to have the same batch";
    return false;
  }
  bool heads = (*q)[1].known && (*k)[1].known && (*v)[1].is((*k)[1].value) && (*k)[1].value > 0 &&
               (*q)[1].value % (*k)[1].value == 0;
  if (!heads && !(shapes.equal((*q)[1], (*k)[1]) && shapes.equal((*k)[1], (*v)[1]))) {
    reason = "the head counts of query, key and value do not fit";
    return false;
  }
  if (!(match.scale > 0) || std::isinf(match.scale)) {
    reason = "the scale is not positive";
    return false;
  }
  std::optional<SymbolicShape> mask = match.mask ? shapes.shape(match.mask) : SymbolicShape();
  if (!mask || mask->size() > 4 || (match.mask && mask->size() < 2)) {
    reason = "the mask is not known to have rank 2 to 4";
    return false;
  }
  return true;
}

/// The mask over all keys. Add broadcasts a last axis of one, the operator fills it with minus
/// infinity instead.
Value Attention::fullMask(Value mask, Value k, Operation *before) {
  std::optional<SymbolicDim> have = shapes.dim(mask, -1), want = shapes.dim(k, 2);
  std::optional<SymbolicShape> shape = shapes.shape(mask);
  if (shapes.equal(*have, *want) || (have->known && have->value > 1))
    return mask;
  OpBuilder builder(before);
  Location loc = before->getLoc();
  auto one = RankedTensorType::get({1}, builder.getI64Type());
  Value keys = onnx::ShapeOp::create(builder, loc, one, k, builder.getI64IntegerAttr(3),
                                     builder.getI64IntegerAttr(2));
  shape->back() = *want;
  return onnx::ExpandOp::create(builder, loc, typeFor(mask, *shape), mask, keys);
}

bool Attention::raise(onnx::MatMulOp op, std::string &reason) {
  Value probabilities = op.getA();
  bool safe = false;
  // Where(IsNaN(p), 0, p): a row without any key gives zeros.
  if (auto where = probabilities.getDefiningOp<onnx::WhereOp>()) {
    Value tested = operandOf<onnx::IsNaNOp>(where->getOperand(0));
    if (!tested || tested != where->getOperand(2) || !isScalar(where->getOperand(1), 0.0))
      return false;
    probabilities = tested;
    safe = true;
  }
  auto softmax = probabilities.getDefiningOp<onnx::SoftmaxOp>();
  if (!softmax)
    return false;
  std::optional<SymbolicShape> shape = shapes.shape(probabilities);
  int64_t axis = softmax.getAxis().value_or(-1);
  if (axis != -1 && !(shape && axis == static_cast<int64_t>(shape->size()) - 1))
    return false;

  Match match;
  Value scores = softmax.getInput();
  if (auto add = scores.getDefiningOp<onnx::AddOp>()) {
    double ignored = 1;
    bool first = stripScale(add->getOperand(0), ignored).getDefiningOp<onnx::MatMulOp>() != nullptr;
    scores = add->getOperand(first ? 0 : 1);
    match.mask = add->getOperand(first ? 1 : 0);
  }
  auto product = stripScale(scores, match.scale).getDefiningOp<onnx::MatMulOp>();
  if (!product)
    return false;
  match.q = stripScale(product.getA(), match.scale);
  Value k = untransposedKey(stripScale(product.getB(), match.scale));
  if (!k) {
    reason = "the second operand of the scores is not a transposed key";
    return false;
  }
  match.k = withoutRepeat(stripScale(k, match.scale));
  match.v = withoutRepeat(op.getB());
  if (!fits(match, reason)) {
    // Repeating heads is optional: try again with what the product itself multiplies.
    match.k = k;
    match.v = op.getB();
    std::string second;
    if (!fits(match, second))
      return false;
    reason.clear();
  }
  if (match.mask && !safe && !isProvablyFinite(match.mask)) {
    reason = "a row masked by minus infinity gives NaN here and zeros in the operator, and the "
             "mask is not provably finite";
    return false;
  }
  OpBuilder builder(op);
  if (match.mask)
    match.mask = fullMask(match.mask, match.k, op);
  auto attention = onnx::AttentionOp::create(
      builder, op.getLoc(), op.getType(), Type(), Type(), Type(), match.q, match.k, match.v,
      match.mask, Value(), Value(), Value(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr,
      builder.getF32FloatAttr(match.scale), nullptr, nullptr);
  replaceValue(op.getResult(), attention.getY());
  return true;
}

bool Attention::shareHeads(onnx::AttentionOp op) {
  Value k = withoutRepeat(op.getK()), v = withoutRepeat(op.getV());
  if (k == op.getK() || v == op.getV() || op.getPastKey() || op.getPastValue() ||
      !op->getResult(0).getType() || op.getPresentKey() || op.getPresentValue())
    return false;
  op.getKMutable().assign(k);
  op.getVMutable().assign(v);
  return true;
}

struct OnnxRaiseAttention : qllm::impl::OnnxRaiseAttentionBase<OnnxRaiseAttention> {
  void runOnOperation() override {
    Attention attention(getOperation());
    for (Operation *op : operationsOf(getOperation())) {
      if (auto there = dyn_cast<onnx::AttentionOp>(op))
        numRaised += attention.shareHeads(there);
      auto matmul = dyn_cast<onnx::MatMulOp>(op);
      if (!matmul || op->use_empty())
        continue;
      std::string reason;
      if (attention.raise(matmul, reason)) {
        ++numRaised;
      } else if (!reason.empty()) {
        ++numSkipped;
        op->emitRemark("not raised to attention: ") << reason;
      }
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
