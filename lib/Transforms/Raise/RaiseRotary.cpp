// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary position embedding. The operator takes the first halves of cos and sin, so both halves
// must be proved equal.

#include "RaiseUtils.h"
#include "qllm/Transforms/Raise/Passes.h"

#include <map>

namespace qllm {
#define GEN_PASS_DEF_ONNXRAISEROTARY
#include "qllm/Transforms/Raise/Passes.h.inc"
} // namespace qllm

using namespace mlir;
using namespace qllm;
using namespace qllm::raise;

namespace {

class Rotary {
public:
  explicit Rotary(ModuleOp module) : shapes(module) {}

  /// Replaces `op`, an Add, if it ends the decomposed form. False if it is something else.
  bool raise(onnx::AddOp op);
  /// Gives a RotaryEmbedding without position ids tables of the batch it needs.
  bool completeTables(onnx::RotaryEmbeddingOp op);

private:
  Value halfOf(Value value);
  Value rotatedHalves(Value value, int64_t &size);
  Value tableFor(Value wide, int64_t size);
  Value expandBatch(Value table, Value x, Operation *before);

  SymbolicShapes shapes;
  DenseMap<Value, Value> halves, squeezed;
  std::map<std::pair<void *, SymbolicDim>, Value> expanded;
};

/// A Slice of the last axis of a tensor of rank `rank`, with constant bounds; gives the tensor.
Value sliceOfLastAxis(Value value, int64_t rank, int64_t &start, int64_t &end) {
  auto slice = value.getDefiningOp<onnx::SliceOp>();
  if (!slice || !slice.getAxes())
    return nullptr;
  std::optional<SmallVector<int64_t>> starts = constantInts(slice.getStarts()),
                                      ends = constantInts(slice.getEnds()),
                                      axes = constantInts(slice.getAxes());
  std::optional<SmallVector<int64_t>> steps;
  if (slice.getSteps())
    steps = constantInts(slice.getSteps());
  if (!starts || !ends || !axes || starts->size() != 1 || ends->size() != 1 || axes->size() != 1 ||
      (slice.getSteps() && (!steps || steps->size() != 1 || steps->front() != 1)))
    return nullptr;
  if (axes->front() != -1 && axes->front() != rank - 1)
    return nullptr;
  start = starts->front();
  end = ends->front();
  return slice.getData();
}

/// concat(-x[d/2:], x[:d/2]) over the last axis; gives x and d.
Value Rotary::rotatedHalves(Value value, int64_t &size) {
  auto concat = value.getDefiningOp<onnx::ConcatOp>();
  if (!concat || concat->getNumOperands() != 2)
    return nullptr;
  std::optional<SymbolicShape> shape = shapes.shape(value);
  if (!shape || shape->size() != 4 || !shape->back().known || shape->back().value % 2 ||
      shape->back().value <= 0)
    return nullptr;
  if (concat.getAxis() != -1 && concat.getAxis() != 3)
    return nullptr;
  size = shape->back().value;
  Value upper = operandOf<onnx::NegOp>(concat->getOperand(0)), lower = concat->getOperand(1);
  if (!upper)
    return nullptr;
  auto split = lower.getDefiningOp<onnx::SplitOp>();
  if (split && upper.getDefiningOp() == split && split->getNumResults() == 2 &&
      lower == split->getResult(0) && upper == split->getResult(1)) {
    std::optional<SymbolicDim> half = shapes.dim(concat->getOperand(0), -1);
    bool lastAxis = split.getAxis().value_or(0) == -1 || split.getAxis().value_or(0) == 3;
    return lastAxis && half && half->is(size / 2) ? split.getInput() : Value();
  }
  int64_t lowStart, lowEnd, highStart, highEnd;
  Value x = sliceOfLastAxis(lower, 4, lowStart, lowEnd);
  if (!x || x != sliceOfLastAxis(upper, 4, highStart, highEnd))
    return nullptr;
  std::optional<SymbolicDim> whole = shapes.dim(x, -1);
  bool halvesFit = lowStart == 0 && (lowEnd == size / 2 || lowEnd == -size / 2) &&
                   (highStart == size / 2 || highStart == -size / 2) && highEnd >= size;
  return whole && whole->is(size) && halvesFit ? x : Value();
}

/// A value that is the first half of `value` along the last axis, if both halves are provably
/// equal.
Value Rotary::halfOf(Value value) {
  if (auto it = halves.find(value); it != halves.end())
    return it->second;
  Operation *op = value.getDefiningOp();
  std::optional<SymbolicShape> shape = shapes.shape(value);
  if (!op || !shape || shape->empty() || !shape->back().known || shape->back().value % 2)
    return nullptr;
  Value result;
  auto concat = dyn_cast<onnx::ConcatOp>(op);
  if (concat && concat->getNumOperands() == 2 && concat->getOperand(0) == concat->getOperand(1) &&
      (concat.getAxis() == -1 || concat.getAxis() == static_cast<int64_t>(shape->size()) - 1)) {
    result = concat->getOperand(0);
  } else if (isa<onnx::CosOp, onnx::SinOp, onnx::CastOp, onnx::MulOp, onnx::UnsqueezeOp,
                 onnx::GatherOp>(op)) {
    // The same operation on the half. A product only with a scalar; a new axis only in front of the
    // last; a Gather only of whole rows.
    unsigned operand = isa<onnx::MulOp>(op) && constantScalar(op->getOperand(0)) ? 1 : 0;
    if (isa<onnx::MulOp>(op) && !constantScalar(op->getOperand(1 - operand)))
      return nullptr;
    if (auto gather = dyn_cast<onnx::GatherOp>(op); gather && gather.getAxis().value_or(0) != 0)
      return nullptr;
    if (isa<onnx::GatherOp>(op)) {
      std::optional<SymbolicShape> table = shapes.shape(op->getOperand(0));
      if (!table || table->size() < 2)
        return nullptr;
    }
    std::optional<SymbolicDim> inner = shapes.dim(op->getOperand(operand), -1);
    if (isa<onnx::UnsqueezeOp>(op) && (!inner || !shapes.equal(*inner, shape->back())))
      return nullptr;
    Value half = halfOf(op->getOperand(operand));
    if (!half)
      return nullptr;
    OpBuilder builder(op);
    Operation *copy = builder.clone(*op);
    copy->removeAttr("onnx.node_name");
    copy->removeAttr("onnx.output_names");
    copy->setOperand(operand, half);
    SymbolicShape halfShape = *shape;
    halfShape.back().value /= 2;
    copy->getResult(0).setType(typeFor(value, halfShape));
    result = copy->getResult(0);
  }
  if (result)
    halves[value] = result;
  return result;
}

/// The table [batch, sequence, size/2] behind a factor [batch, 1, sequence, size].
Value Rotary::tableFor(Value wide, int64_t size) {
  std::optional<SymbolicShape> shape = shapes.shape(wide);
  if (!shape || shape->size() != 4 || !(*shape)[1].is(1) || !shape->back().is(size))
    return nullptr;
  if (auto unsqueeze = wide.getDefiningOp<onnx::UnsqueezeOp>()) {
    std::optional<SmallVector<int64_t>> axes = constantInts(unsqueeze.getAxes());
    if (axes && axes->size() == 1 && (axes->front() == 1 || axes->front() == -3))
      return halfOf(unsqueeze.getData());
  }
  Value half = halfOf(wide);
  Value &table = squeezed[half];
  if (half && !table) {
    OpBuilder builder(half.getContext());
    builder.setInsertionPointAfterValue(half);
    shape->erase(shape->begin() + 1);
    shape->back() = SymbolicDim::number(size / 2);
    Location loc = half.getLoc();
    table = onnx::SqueezeOp::create(builder, loc, typeFor(half, *shape), half,
                                    makeInts(builder, loc, {1}));
  }
  return table;
}

/// The table with the batch of `x`: the operator does not broadcast.
Value Rotary::expandBatch(Value table, Value x, Operation *before) {
  std::optional<SymbolicDim> have = shapes.dim(table, 0), want = shapes.dim(x, 0);
  std::optional<SymbolicShape> shape = shapes.shape(table);
  if (!have || !want || !shape || shape->size() != 3)
    return nullptr;
  if (shapes.equal(*have, *want))
    return table;
  auto key = std::make_pair(table.getAsOpaquePointer(), *want);
  if (auto it = expanded.find(key);
      it != expanded.end() && it->second.getParentBlock() == before->getBlock())
    return it->second;
  OpBuilder builder(before);
  Location loc = before->getLoc();
  auto one = RankedTensorType::get({1}, builder.getI64Type()),
       three = RankedTensorType::get({3}, builder.getI64Type());
  Value batch = onnx::ShapeOp::create(builder, loc, one, x, builder.getI64IntegerAttr(1),
                                      builder.getI64IntegerAttr(0));
  Value ones = makeInts(builder, loc, {1, 1});
  Value target = onnx::ConcatOp::create(builder, loc, three, ValueRange{batch, ones},
                                        builder.getI64IntegerAttr(0));
  (*shape)[0] = *want;
  Value wide = onnx::ExpandOp::create(builder, loc, typeFor(table, *shape), table, target);
  expanded[key] = wide;
  return wide;
}

bool Rotary::raise(onnx::AddOp op) {
  for (unsigned i : {0u, 1u}) {
    auto plain = op->getOperand(i).getDefiningOp<onnx::MulOp>(),
         turned = op->getOperand(1 - i).getDefiningOp<onnx::MulOp>();
    if (!plain || !turned)
      continue;
    for (unsigned j : {0u, 1u}) {
      int64_t size;
      Value x = rotatedHalves(turned->getOperand(j), size);
      if (!x || (plain->getOperand(0) != x && plain->getOperand(1) != x))
        continue;
      Value wideCos = plain->getOperand(plain->getOperand(0) == x ? 1 : 0),
            wideSin = turned->getOperand(1 - j);
      Value cos = tableFor(wideCos, size), sin = cos ? tableFor(wideSin, size) : Value();
      cos = sin ? expandBatch(cos, x, op) : Value();
      sin = cos ? expandBatch(sin, x, op) : Value();
      if (!sin)
        return false;
      OpBuilder builder(op);
      Value rotated = onnx::RotaryEmbeddingOp::create(builder, op.getLoc(), op.getType(), x, cos,
                                                      sin, Value(), nullptr, nullptr, nullptr);
      replaceValue(op.getResult(), rotated);
      return true;
    }
  }
  return false;
}

bool Rotary::completeTables(onnx::RotaryEmbeddingOp op) {
  if (op.getPositionIds())
    return false;
  Value cos = expandBatch(op.getCosCache(), op.getX(), op),
        sin = expandBatch(op.getSinCache(), op.getX(), op);
  if (!cos || !sin || (cos == op.getCosCache() && sin == op.getSinCache()))
    return false;
  op.getCosCacheMutable().assign(cos);
  op.getSinCacheMutable().assign(sin);
  return true;
}

struct OnnxRaiseRotary : qllm::impl::OnnxRaiseRotaryBase<OnnxRaiseRotary> {
  void runOnOperation() override {
    Rotary rotary(getOperation());
    for (Operation *op : operationsOf(getOperation())) {
      if (auto add = dyn_cast<onnx::AddOp>(op); add && !op->use_empty())
        numRaised += rotary.raise(add);
      else if (auto embedding = dyn_cast<onnx::RotaryEmbeddingOp>(op))
        numRaised += rotary.completeTables(embedding);
    }
    eraseDeadOps(getOperation());
  }
};

} // namespace
