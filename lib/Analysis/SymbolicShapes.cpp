// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Symbols: where they come from, which are equal, and terms over them.

#include "qllm/Analysis/SymbolicShapes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace qllm;

namespace {

int64_t normalize(int64_t axis, int64_t rank) { return axis < 0 ? axis + rank : axis; }

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
         llvm::all_of(llvm::zip(*left, *right),
                      [&](auto pair) { return equal(std::get<0>(pair), std::get<1>(pair)); });
}

std::optional<SymbolicShape> SymbolicShapes::shape(Value value) {
  if (auto it = shapeOf.find(value); it != shapeOf.end())
    return it->second;
  // A graph region may be cyclic in malformed IR; a value that is asked for while it is computed
  // has no rule.
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
            if (auto text = dyn_cast<StringAttr>(name);
                text && !dim.known && !text.getValue().empty())
              unify(dim, named(text.getValue()));
  if (auto argument = dyn_cast<BlockArgument>(value))
    if (auto function = dyn_cast_or_null<func::FuncOp>(argument.getOwner()->getParentOp()))
      if (auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), "onnx.dims"))
        for (auto [dim, name] : llvm::zip(*rule, names))
          if (auto text = dyn_cast<StringAttr>(name);
              text && !dim.known && !text.getValue().empty())
            dim = named(text.getValue());
  return rule;
}
