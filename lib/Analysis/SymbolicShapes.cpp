// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Shapes of results from shapes of operands, one rule per family of operators. What no rule covers gets fresh symbols, so
// a missing rule can only lose a proof, never make a wrong one.

#include "qllm/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Analysis/Constants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>

using namespace mlir;
using namespace qllm;

namespace {

/// Operators whose result has the shape of their first operand.
bool keepsShape(Operation *op) {
  return isa<onnx::AbsOp, onnx::CastOp, onnx::CeilOp, onnx::ClipOp, onnx::CosOp, onnx::CumSumOp, onnx::ErfOp, onnx::ExpOp,
             onnx::FloorOp, onnx::GeluOp, onnx::IdentityOp, onnx::IsInfOp, onnx::IsNaNOp, onnx::LayerNormalizationOp,
             onnx::LogOp, onnx::NegOp, onnx::NotOp, onnx::ReciprocalOp, onnx::ReluOp, onnx::RMSNormalizationOp,
             onnx::RotaryEmbeddingOp, onnx::RoundOp, onnx::SigmoidOp, onnx::SignOp, onnx::SinOp, onnx::SoftmaxOp,
             onnx::SqrtOp, onnx::TanhOp, onnx::TriluOp, onnx::SwishOp, onnx::CastLikeOp>(op);
}

bool broadcasts(Operation *op) {
  return isa<onnx::AddOp, onnx::AndOp, onnx::DivOp, onnx::EqualOp, onnx::GreaterOp, onnx::GreaterOrEqualOp, onnx::LessOp,
             onnx::LessOrEqualOp, onnx::MaxOp, onnx::MinOp, onnx::ModOp, onnx::MulOp, onnx::OrOp, onnx::PowOp, onnx::SubOp,
             onnx::WhereOp, onnx::XorOp>(op);
}

int64_t normalize(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

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
    bool removed = llvm::any_of(
        axes, [&, i = index](int64_t axis) { return normalize(axis, shape.size()) == static_cast<int64_t>(i); });
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

SymbolicShapes::SymbolicShapes(Operation *root) {
  root->walk([&](onnx::ConcatOp concat) {
    std::optional<SymbolicShape> first = shape(concat.getOperand(0));
    if (!first)
      return;
    int64_t axis = normalize(concat.getAxis(), first->size());
    for (Value operand : concat->getOperands().drop_front()) {
      std::optional<SymbolicShape> other = shape(operand);
      if (!other || other->size() != first->size())
        continue;
      for (size_t i = 0; i < first->size(); ++i)
        if (static_cast<int64_t>(i) != axis)
          unify((*first)[i], (*other)[i]);
    }
  });
}

SymbolicDim SymbolicShapes::resolve(SymbolicDim dim) const {
  while (!dim.known) {
    auto it = representative.find(dim.value);
    if (it == representative.end())
      break;
    dim = it->second;
  }
  return dim;
}

void SymbolicShapes::unify(SymbolicDim a, SymbolicDim b) {
  a = resolve(a);
  b = resolve(b);
  if (a == b || (a.known && b.known))
    return;
  // Towards numbers, else towards the older symbol.
  if (a.known || (!b.known && a.value < b.value))
    std::swap(a, b);
  representative[a.value] = b;
}

SymbolicDim SymbolicShapes::valueSymbol(Value value, unsigned index) {
  auto [it, inserted] = symbolOf.try_emplace({value, index}, symbols);
  symbols += inserted;
  return {false, it->second};
}

SymbolicDim SymbolicShapes::named(StringRef name) {
  auto [it, inserted] = symbolOfName.try_emplace(name, symbols);
  symbols += inserted;
  return {false, it->second};
}

SymbolicDim SymbolicShapes::combine(char operation, SymbolicDim a, SymbolicDim b) {
  a = resolve(a);
  b = resolve(b);
  if (operation == '+' || operation == '*') {
    if (b < a)
      std::swap(a, b);
    int64_t neutral = operation == '*';
    if (a.is(neutral) || b.is(neutral))
      return a.is(neutral) ? b : a;
  }
  int64_t result;
  if (a.known && b.known && operation == '+' && !__builtin_add_overflow(a.value, b.value, &result))
    return SymbolicDim::number(result);
  if (a.known && b.known && operation == '-' && !__builtin_sub_overflow(a.value, b.value, &result))
    return SymbolicDim::number(result);
  if (a.known && b.known && operation == '*' && !__builtin_mul_overflow(a.value, b.value, &result))
    return SymbolicDim::number(result);
  // ONNX integer division rounds towards zero, as C++ does.
  if (a.known && b.known && operation == '/' && b.value > 0)
    return SymbolicDim::number(a.value / b.value);
  if (operation == '-' && b.is(0))
    return a;
  if (operation == '/' && b.is(1))
    return a;
  auto [it, inserted] = symbolOfTerm.try_emplace({operation, a, b}, symbols);
  symbols += inserted;
  if (operation == '-' || !isSize(a) || !isSize(b))
    signedSymbols.insert(it->second);
  return {false, it->second};
}

SymbolicDim SymbolicShapes::product(ArrayRef<SymbolicDim> factors) {
  SmallVector<SymbolicDim> sorted(factors);
  llvm::sort(sorted);
  SymbolicDim result = SymbolicDim::number(1);
  for (SymbolicDim factor : sorted)
    result = combine('*', result, factor);
  return result;
}

SymbolicShape SymbolicShapes::freshShape(Value value, unsigned rank) {
  SymbolicShape result;
  for (unsigned i = 0; i < rank; ++i)
    result.push_back(valueSymbol(value, i));
  return result;
}

std::optional<SymbolicDim> SymbolicShapes::dim(Value value, int64_t axis) {
  std::optional<SymbolicShape> dims = shape(value);
  if (!dims)
    return std::nullopt;
  axis = normalize(axis, dims->size());
  if (axis < 0 || axis >= static_cast<int64_t>(dims->size()))
    return std::nullopt;
  return (*dims)[axis];
}

bool SymbolicShapes::sameShape(Value a, Value b) {
  std::optional<SymbolicShape> left = shape(a), right = shape(b);
  return left && right && left->size() == right->size() &&
         llvm::all_of(llvm::zip(*left, *right), [&](auto pair) { return equal(std::get<0>(pair), std::get<1>(pair)); });
}

std::optional<SymbolicShape> SymbolicShapes::shape(Value value) {
  if (auto it = shapeOf.find(value); it != shapeOf.end())
    return it->second;
  // A graph region may be cyclic in malformed IR; a value that is asked for while it is computed has no rule.
  if (!inProgress.try_emplace(value, true).second)
    return std::nullopt;
  std::optional<SymbolicShape> result = computeShape(value);
  inProgress.erase(value);
  return shapeOf[value] = result;
}

std::optional<SymbolicShape> SymbolicShapes::computeShape(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  std::optional<SymbolicShape> rule = shapeByRule(value);
  if (!type)
    return rule;
  if (!rule || rule->size() != static_cast<size_t>(type.getRank()))
    rule = freshShape(value, type.getRank());
  // The type's numbers win; symbols of the rule refine what the type leaves open.
  for (auto [dim, size] : llvm::zip(*rule, type.getShape()))
    if (!ShapedType::isDynamic(size))
      dim = SymbolicDim::number(size);
  if (auto result = dyn_cast<OpResult>(value))
    if (auto infos = result.getOwner()->getAttrOfType<ArrayAttr>("onnx.output_info");
        infos && result.getResultNumber() < infos.size())
      if (auto info = dyn_cast<DictionaryAttr>(infos[result.getResultNumber()]))
        if (auto names = info.getAs<ArrayAttr>("dims"))
          for (auto [dim, name] : llvm::zip(*rule, names))
            if (auto text = dyn_cast<StringAttr>(name); text && !dim.known && !text.getValue().empty())
              unify(dim, named(text.getValue()));
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (auto function = dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "onnx.dims"))
        for (auto [dim, name] : llvm::zip(*rule, names))
          if (auto text = dyn_cast<StringAttr>(name); text && !dim.known && !text.getValue().empty())
            dim = named(text.getValue());
  return rule;
}

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

std::optional<SymbolicShape> SymbolicShapes::reshape(Value data, Value target, bool allowZero, Value result) {
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
    (*wanted)[*rest] = from ? restOf(*from, *wanted, *rest).value_or(valueSymbol(result, *rest)) : valueSymbol(result, *rest);
  return wanted;
}

/// The size that -1 stands for in a Reshape of `from`: equal symbols cancel, then numbers.
std::optional<SymbolicDim> SymbolicShapes::restOf(ArrayRef<SymbolicDim> from, ArrayRef<SymbolicDim> wanted, size_t rest) {
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
    auto *same = llvm::find_if(left, [&, wantedDim = dim](SymbolicDim l) { return equal(l, wantedDim); });
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

std::optional<SymbolicShape> SymbolicShapes::shapeByRule(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  // Rules below speak of the first result.
  if (op->getNumResults() == 0 || value != op->getResult(0))
    return std::nullopt;
  if (keepsShape(op))
    return shape(op->getOperand(0));
  if (broadcasts(op)) {
    SmallVector<SymbolicShape> shapes;
    for (Value operand : op->getOperands()) {
      std::optional<SymbolicShape> dims = shape(operand);
      if (!dims)
        return std::nullopt;
      shapes.push_back(*dims);
    }
    return broadcast(shapes, value);
  }
  std::optional<SymbolicShape> first = op->getNumOperands() ? shape(op->getOperand(0)) : std::nullopt;
  if (auto reshapeOp = dyn_cast<onnx::ReshapeOp>(op)) {
    std::optional<SymbolicShape> target = reshape(op->getOperand(0), op->getOperand(1), reshapeOp.getAllowzero() == 1, value);
    if (target)
      return target;
    std::optional<SymbolicShape> length = shape(op->getOperand(1));
    if (length && length->size() == 1 && (*length)[0].known && (*length)[0].value >= 0 && (*length)[0].value < 32)
      return freshShape(value, (*length)[0].value);
    return std::nullopt;
  }
  if (auto range = dyn_cast<onnx::RangeOp>(op)) {
    std::optional<double> start = foldScalar(op->getOperand(0)), step = foldScalar(op->getOperand(2));
    std::optional<SymbolicShape> limit = elements(op->getOperand(1));
    if (start && *start == 0 && step && *step == 1 && limit && limit->size() == 1)
      return limit;
    std::optional<SymbolicShape> from = elements(op->getOperand(0));
    if (from && from->size() == 1 && step && *step == 1 && limit && limit->size() == 1)
      return SymbolicShape{combine('-', (*limit)[0], (*from)[0])};
    return freshShape(value, 1);
  }
  if (auto constantOfShape = dyn_cast<onnx::ConstantOfShapeOp>(op))
    return elements(op->getOperand(0));
  if (!first)
    return std::nullopt;
  if (isa<onnx::ReduceMeanOp, onnx::ReduceSumOp, onnx::ReduceMaxOp>(op)) {
    auto keep = op->getAttrOfType<IntegerAttr>("keepdims");
    std::optional<SmallVector<int64_t>> axes;
    if (op->getNumOperands() == 2)
      axes = constantInts(op->getOperand(1));
    if (!axes || axes->empty())
      return std::nullopt;
    if (keep && keep.getInt() == 0)
      return squeeze(*first, *axes);
    for (int64_t axis : *axes) {
      axis = normalize(axis, first->size());
      if (axis < 0 || axis >= static_cast<int64_t>(first->size()))
        return std::nullopt;
      (*first)[axis] = SymbolicDim::number(1);
    }
    return first;
  }
  if (auto transpose = dyn_cast<onnx::TransposeOp>(op))
    return permute(*first, transpose.getPerm());
  if (isa<onnx::UnsqueezeOp, onnx::SqueezeOp>(op)) {
    if (op->getNumOperands() < 2)
      return std::nullopt;
    std::optional<SmallVector<int64_t>> axes = constantInts(op->getOperand(1));
    if (!axes)
      return std::nullopt;
    if (isa<onnx::UnsqueezeOp>(op))
      return unsqueeze(*first, *axes);
    return squeeze(*first, *axes);
  }
  if (isa<onnx::ExpandOp>(op)) {
    std::optional<SymbolicShape> target = elements(op->getOperand(1));
    if (!target)
      return std::nullopt;
    return broadcast({*first, *target}, value);
  }
  if (isa<onnx::ShapeOp>(op))
    return std::nullopt;
  if (auto concat = dyn_cast<onnx::ConcatOp>(op)) {
    int64_t axis = normalize(concat.getAxis(), first->size());
    if (axis < 0 || axis >= static_cast<int64_t>(first->size()))
      return std::nullopt;
    for (Value operand : op->getOperands().drop_front()) {
      std::optional<SymbolicDim> more = dim(operand, axis);
      if (!more)
        return std::nullopt;
      (*first)[axis] = combine('+', (*first)[axis], *more);
    }
    return first;
  }
  if (auto gather = dyn_cast<onnx::GatherOp>(op)) {
    std::optional<SymbolicShape> indices = shape(op->getOperand(1));
    int64_t axis = normalize(gather.getAxis().value_or(0), first->size());
    if (!indices || axis < 0 || axis >= static_cast<int64_t>(first->size()))
      return std::nullopt;
    SymbolicShape result(ArrayRef(*first).take_front(axis));
    result.append(*indices);
    result.append(first->begin() + axis + 1, first->end());
    return result;
  }
  if (auto gather = dyn_cast<onnx::GatherNDOp>(op)) {
    std::optional<SymbolicShape> indices = shape(op->getOperand(1));
    if (!indices || indices->empty() || !indices->back().known || gather.getBatchDims().value_or(0) != 0 ||
        indices->back().value < 0 || indices->back().value > static_cast<int64_t>(first->size()))
      return std::nullopt;
    SymbolicShape result(ArrayRef(*indices).drop_back());
    result.append(first->begin() + indices->back().value, first->end());
    return result;
  }
  if (isa<onnx::MatMulOp>(op)) {
    std::optional<SymbolicShape> second = shape(op->getOperand(1));
    if (!second || first->size() < 2 || second->size() < 2)
      return std::nullopt;
    SymbolicShape left(ArrayRef(*first).drop_back(2)), right(ArrayRef(*second).drop_back(2));
    SymbolicShape result = broadcast({left, right}, value);
    result.push_back((*first)[first->size() - 2]);
    result.push_back(second->back());
    return result;
  }
  if (auto slice = dyn_cast<onnx::SliceOp>(op)) {
    std::optional<SmallVector<int64_t>> axes;
    if (slice.getAxes())
      axes = constantInts(slice.getAxes());
    if (!axes)
      return freshShape(value, first->size());
    std::optional<SmallVector<int64_t>> starts = constantInts(slice.getStarts()), ends = constantInts(slice.getEnds());
    bool unitSteps = !slice.getSteps();
    if (slice.getSteps())
      if (std::optional<SmallVector<int64_t>> steps = constantInts(slice.getSteps()))
        unitSteps = llvm::all_of(*steps, [](int64_t step) { return step == 1; });
    SymbolicShape result = *first;
    for (auto [index, axis] : llvm::enumerate(*axes)) {
      int64_t at = normalize(axis, first->size());
      if (at < 0 || at >= static_cast<int64_t>(first->size()))
        return std::nullopt;
      SymbolicDim size = (*first)[at];
      bool bounded = unitSteps && size.known && starts && ends && index < starts->size() && index < ends->size();
      result[at] = bounded ? SymbolicDim::number(lengthOfSlice((*starts)[index], (*ends)[index], size.value))
                           : valueSymbol(value, at);
    }
    return result;
  }
  if (isa<onnx::AttentionOp>(op)) {
    std::optional<SymbolicDim> head = dim(op->getOperand(2), -1);
    if (first->size() != 4 || !head)
      return std::nullopt;
    first->back() = *head;
    return first;
  }
  return std::nullopt;
}
