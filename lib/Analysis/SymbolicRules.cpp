// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of results from shapes of operands, one rule per family of operators. What no rule covers
// gets fresh symbols, so a missing rule can only lose a proof, never make a wrong one.

#include "qllm/Analysis/Constants.h"
#include "qllm/Analysis/SymbolicShapes.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;
using namespace qllm;

namespace {

/// Operators whose result has the shape of their first operand.
bool keepsShape(Operation *op) {
  return isa<onnx::AbsOp, onnx::CastOp, onnx::CeilOp, onnx::ClipOp, onnx::CosOp, onnx::CumSumOp,
             onnx::ErfOp, onnx::ExpOp, onnx::FloorOp, onnx::GeluOp, onnx::IdentityOp, onnx::IsInfOp,
             onnx::IsNaNOp, onnx::LayerNormalizationOp, onnx::LogOp, onnx::NegOp, onnx::NotOp,
             onnx::ReciprocalOp, onnx::ReluOp, onnx::RMSNormalizationOp, onnx::RotaryEmbeddingOp,
             onnx::RoundOp, onnx::SigmoidOp, onnx::SignOp, onnx::SinOp, onnx::SoftmaxOp,
             onnx::SqrtOp, onnx::TanhOp, onnx::TriluOp, onnx::SwishOp, onnx::CastLikeOp>(op);
}

bool broadcasts(Operation *op) {
  return isa<onnx::AddOp, onnx::AndOp, onnx::DivOp, onnx::EqualOp, onnx::GreaterOp,
             onnx::GreaterOrEqualOp, onnx::LessOp, onnx::LessOrEqualOp, onnx::MaxOp, onnx::MinOp,
             onnx::ModOp, onnx::MulOp, onnx::OrOp, onnx::PowOp, onnx::SubOp, onnx::WhereOp,
             onnx::XorOp>(op);
}

int64_t normalize(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

bool isAxis(int64_t axis, const SymbolicShape &shape) {
  return axis >= 0 && axis < static_cast<int64_t>(shape.size());
}

SymbolicShape permute(const SymbolicShape &shape, std::optional<ArrayRef<int64_t>> permutation) {
  SymbolicShape result;
  if (!permutation)
    return SymbolicShape(llvm::reverse(shape));
  for (int64_t source : *permutation)
    if (source >= 0 && source < static_cast<int64_t>(shape.size()))
      result.push_back(shape[source]);
  return result;
}

std::optional<SymbolicShape> unsqueeze(const SymbolicShape &shape, ArrayRef<int64_t> axes) {
  int64_t rank = shape.size() + axes.size();
  SmallVector<bool> inserted(rank, false);
  for (int64_t axis : axes) {
    axis = normalize(axis, rank);
    if (axis < 0 || axis >= rank)
      return std::nullopt;
    inserted[axis] = true;
  }
  SymbolicShape result;
  const SymbolicDim *next = shape.begin();
  for (bool one : inserted) {
    if (!one && next == shape.end())
      return std::nullopt;
    result.push_back(one ? SymbolicDim::number(1) : *next++);
  }
  return result;
}

SymbolicShape squeeze(const SymbolicShape &shape, ArrayRef<int64_t> axes) {
  SymbolicShape result;
  for (auto [index, dim] : llvm::enumerate(shape)) {
    bool removed = llvm::any_of(axes, [&, i = index](int64_t axis) {
      return normalize(axis, shape.size()) == static_cast<int64_t>(i);
    });
    if (!removed)
      result.push_back(dim);
  }
  return result;
}

int64_t lengthOfSlice(int64_t start, int64_t end, int64_t size) {
  auto bound = [&](int64_t n) { return std::clamp<int64_t>(n < 0 ? n + size : n, 0, size); };
  return std::max<int64_t>(bound(end) - bound(start), 0);
}

} // namespace

SymbolicShape SymbolicShapes::broadcast(ArrayRef<SymbolicShape> shapes, Value result) {
  size_t rank = 0;
  for (const SymbolicShape &shape : shapes)
    rank = std::max(rank, shape.size());
  SymbolicShape dims;
  for (size_t i = 0; i < rank; ++i) {
    SymbolicDim dim = SymbolicDim::number(1);
    for (const SymbolicShape &shape : shapes) {
      if (i + shape.size() < rank)
        continue;
      SymbolicDim other = resolve(shape[i + shape.size() - rank]);
      if (other.is(1) || other == dim)
        continue;
      // A number above one decides; two different symbols could each be the one that is broadcast.
      if (dim.is(1) || (other.known && other.value > 1))
        dim = other;
      else if (!(dim.known && dim.value > 1))
        dim = valueSymbol(result, i);
    }
    dims.push_back(dim);
  }
  return dims;
}

std::optional<SymbolicShape> SymbolicShapes::reshape(Value data, Value target, bool allowZero,
                                                     Value result) {
  std::optional<SymbolicShape> wanted = elements(target);
  if (!wanted)
    return std::nullopt;
  std::optional<SymbolicShape> from = shape(data);
  std::optional<size_t> rest;
  for (auto [index, dim] : llvm::enumerate(*wanted)) {
    if (dim.is(0) && !allowZero) {
      if (!from || index >= from->size())
        return std::nullopt;
      dim = (*from)[index];
    } else if (dim.is(-1)) {
      if (rest)
        return std::nullopt;
      rest = index;
    }
  }
  if (rest)
    (*wanted)[*rest] = from ? restOf(*from, *wanted, *rest).value_or(valueSymbol(result, *rest))
                            : valueSymbol(result, *rest);
  return wanted;
}

/// The size that -1 stands for in a Reshape of `from`: equal symbols cancel, then numbers.
std::optional<SymbolicDim> SymbolicShapes::restOf(ArrayRef<SymbolicDim> from,
                                                  ArrayRef<SymbolicDim> wanted, size_t rest) {
  SmallVector<SymbolicDim> left(from.begin(), from.end());
  int64_t divisor = 1, number = 1;
  for (auto [index, dim] : llvm::enumerate(wanted)) {
    if (index == rest)
      continue;
    if (dim.known) {
      if (dim.value <= 0 || __builtin_mul_overflow(divisor, dim.value, &divisor))
        return std::nullopt;
      continue;
    }
    auto *same =
        llvm::find_if(left, [&, wantedDim = dim](SymbolicDim l) { return equal(l, wantedDim); });
    if (same == left.end())
      return std::nullopt;
    left.erase(same);
  }
  SmallVector<SymbolicDim> unknown;
  for (SymbolicDim dim : left) {
    if (!dim.known)
      unknown.push_back(dim);
    else if (dim.value < 0 || __builtin_mul_overflow(number, dim.value, &number))
      return std::nullopt;
  }
  if (number % divisor != 0)
    return std::nullopt;
  unknown.push_back(SymbolicDim::number(number / divisor));
  return product(unknown);
}

/// Dimensions of operators that compute element by element.
std::optional<SymbolicShape> SymbolicShapes::elementwiseRule(Operation *op) {
  if (keepsShape(op))
    return shape(op->getOperand(0));
  SmallVector<SymbolicShape> shapes;
  for (Value operand : op->getOperands()) {
    std::optional<SymbolicShape> dims = shape(operand);
    if (!dims)
      return std::nullopt;
    shapes.push_back(*dims);
  }
  return broadcast(shapes, op->getResult(0));
}

/// Range and ConstantOfShape: dimensions are values.
std::optional<SymbolicShape> SymbolicShapes::generatorRule(Operation *op) {
  if (isa<onnx::ConstantOfShapeOp>(op))
    return elements(op->getOperand(0));
  std::optional<SymbolicShape> start = elements(op->getOperand(0)),
                               limit = elements(op->getOperand(1)),
                               step = elements(op->getOperand(2));
  bool counts = start && limit && step && start->size() == 1 && limit->size() == 1 &&
                step->size() == 1 && (*step)[0].is(1);
  if (!counts)
    return freshShape(op->getResult(0), 1);
  SymbolicDim from = (*start)[0], to = (*limit)[0];
  if (from.is(0) && isSize(to))
    return limit;
  if (from.known && to.known)
    return SymbolicShape{SymbolicDim::number(std::max<int64_t>(0, to.value - from.value))};
  // The length is max(0, to - from), which is no plain difference.
  return SymbolicShape{combine('r', to, from)};
}

/// Operators that see the same elements in another shape.
std::optional<SymbolicShape> SymbolicShapes::viewRule(Operation *op, const SymbolicShape &first) {
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op))
    return permute(first, transpose.getPerm());
  if (isa<onnx::ExpandOp>(op)) {
    std::optional<SymbolicShape> target = elements(op->getOperand(1));
    return target ? std::optional(broadcast({first, *target}, op->getResult(0))) : std::nullopt;
  }
  std::optional<SmallVector<int64_t>> axes;
  if (op->getNumOperands() == 2)
    axes = constantInts(op->getOperand(1));
  if (!axes)
    return std::nullopt;
  return isa<onnx::UnsqueezeOp>(op) ? unsqueeze(first, *axes)
                                    : std::optional(squeeze(first, *axes));
}

std::optional<SymbolicShape> SymbolicShapes::reshapeRule(onnx::ReshapeOp op) {
  if (auto target = reshape(op.getData(), op.getShape(), op.getAllowzero() == 1, op.getResult()))
    return target;
  constexpr int64_t largestRank = 32;
  std::optional<SymbolicShape> length = shape(op.getShape());
  if (length && length->size() == 1 && (*length)[0].known && (*length)[0].value >= 0 &&
      (*length)[0].value < largestRank)
    return freshShape(op.getResult(), (*length)[0].value);
  return std::nullopt;
}

std::optional<SymbolicShape> SymbolicShapes::reduceRule(Operation *op, SymbolicShape first) {
  auto keep = op->getAttrOfType<IntegerAttr>("keepdims");
  std::optional<SmallVector<int64_t>> axes;
  if (op->getNumOperands() == 2)
    axes = constantInts(op->getOperand(1));
  if (!axes || axes->empty())
    return std::nullopt;
  if (keep && keep.getInt() == 0)
    return squeeze(first, *axes);
  for (int64_t axis : *axes) {
    axis = normalize(axis, first.size());
    if (!isAxis(axis, first))
      return std::nullopt;
    first[axis] = SymbolicDim::number(1);
  }
  return first;
}

/// Operators that pick or join elements.
std::optional<SymbolicShape> SymbolicShapes::indexRule(Operation *op, SymbolicShape first) {
  if (auto concat = dyn_cast<onnx::ConcatOp>(op)) {
    int64_t axis = normalize(concat.getAxis(), first.size());
    for (Value operand : op->getOperands().drop_front()) {
      std::optional<SymbolicDim> more = isAxis(axis, first) ? dim(operand, axis) : std::nullopt;
      if (!more)
        return std::nullopt;
      first[axis] = combine('+', first[axis], *more);
    }
    return first;
  }
  std::optional<SymbolicShape> indices = shape(op->getOperand(1));
  if (!indices)
    return std::nullopt;
  if (auto gather = dyn_cast<onnx::GatherOp>(op)) {
    int64_t axis = normalize(gather.getAxis().value_or(0), first.size());
    if (!isAxis(axis, first))
      return std::nullopt;
    SymbolicShape result(ArrayRef(first).take_front(axis));
    result.append(*indices);
    result.append(first.begin() + axis + 1, first.end());
    return result;
  }
  auto gather = cast<onnx::GatherNDOp>(op);
  bool known = !indices->empty() && indices->back().known && gather.getBatchDims().value_or(0) == 0;
  if (!known || indices->back().value < 0 ||
      indices->back().value > static_cast<int64_t>(first.size()))
    return std::nullopt;
  SymbolicShape result(ArrayRef(*indices).drop_back());
  result.append(first.begin() + indices->back().value, first.end());
  return result;
}

std::optional<SymbolicShape> SymbolicShapes::sliceRule(onnx::SliceOp op, SymbolicShape first) {
  std::optional<SmallVector<int64_t>> axes, steps;
  if (op.getAxes())
    axes = constantInts(op.getAxes());
  if (!axes)
    return freshShape(op.getResult(), first.size());
  std::optional<SmallVector<int64_t>> starts = constantInts(op.getStarts()),
                                      ends = constantInts(op.getEnds());
  if (op.getSteps())
    steps = constantInts(op.getSteps());
  bool unitSteps =
      !op.getSteps() || (steps && llvm::all_of(*steps, [](int64_t step) { return step == 1; }));
  for (auto [index, axis] : llvm::enumerate(*axes)) {
    int64_t at = normalize(axis, first.size());
    if (!isAxis(at, first))
      return std::nullopt;
    bool bounded = unitSteps && first[at].known && starts && ends && index < starts->size() &&
                   index < ends->size();
    first[at] =
        bounded
            ? SymbolicDim::number(lengthOfSlice((*starts)[index], (*ends)[index], first[at].value))
            : valueSymbol(op.getResult(), at);
  }
  return first;
}

std::optional<SymbolicShape> SymbolicShapes::productRule(Operation *op, SymbolicShape first) {
  if (isa<onnx::AttentionOp>(op)) {
    std::optional<SymbolicDim> head = dim(op->getOperand(2), -1);
    if (first.size() != 4 || !head)
      return std::nullopt;
    first.back() = *head;
    return first;
  }
  std::optional<SymbolicShape> second = shape(op->getOperand(1));
  if (!second || first.size() < 2 || second->size() < 2)
    return std::nullopt;
  SymbolicShape left(ArrayRef(first).drop_back(2)), right(ArrayRef(*second).drop_back(2));
  SymbolicShape result = broadcast({left, right}, op->getResult(0));
  result.push_back(first[first.size() - 2]);
  result.push_back(second->back());
  return result;
}

std::optional<SymbolicShape> SymbolicShapes::shapeByRule(Value value) {
  Operation *op = value.getDefiningOp();
  // The rules speak of the first result.
  if (!op || op->getNumOperands() == 0 || value != op->getResult(0))
    return std::nullopt;
  if (keepsShape(op) || broadcasts(op))
    return elementwiseRule(op);
  if (isa<onnx::RangeOp, onnx::ConstantOfShapeOp>(op))
    return generatorRule(op);
  if (auto reshapeOp = dyn_cast<onnx::ReshapeOp>(op))
    return reshapeRule(reshapeOp);
  std::optional<SymbolicShape> first = shape(op->getOperand(0));
  if (!first)
    return std::nullopt;
  if (isa<onnx::TransposeOp, onnx::ExpandOp, onnx::UnsqueezeOp, onnx::SqueezeOp>(op))
    return viewRule(op, *first);
  if (isa<onnx::ReduceMeanOp, onnx::ReduceSumOp, onnx::ReduceMaxOp>(op))
    return reduceRule(op, *first);
  if (isa<onnx::ConcatOp, onnx::GatherOp, onnx::GatherNDOp>(op))
    return indexRule(op, *first);
  if (auto slice = dyn_cast<onnx::SliceOp>(op))
    return sliceRule(slice, *first);
  if (isa<onnx::MatMulOp, onnx::AttentionOp>(op))
    return productRule(op, *first);
  return std::nullopt;
}
