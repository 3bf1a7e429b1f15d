// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Interval arithmetic over the operators that build masks.

#include "qllm/Analysis/ElementBounds.h"

#include "mlir/IR/BuiltinTypes.h"
#include "qllm/Analysis/Constants.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;
using namespace qllm;

namespace {

constexpr int deepest = 64;

bool isBool(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  return type && type.getElementType().isInteger(1);
}

double toDouble(APFloat number) {
  bool lost;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lost);
  return number.convertToDouble();
}

std::optional<ElementBounds> ofConstant(Value value) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(qllm::constantValue(value));
  if (!dense || (dense.getNumElements() > 4096 && !dense.isSplat()) || dense.empty())
    return std::nullopt;
  ElementBounds range{std::numeric_limits<double>::infinity(),
                      -std::numeric_limits<double>::infinity()};
  auto add = [&](double number) {
    range.low = std::min(range.low, number);
    range.high = std::max(range.high, number);
    return !std::isnan(number);
  };
  bool good = true;
  if (dense.getElementType().isIntOrIndex()) {
    for (const APInt &number : dense.getValues<APInt>())
      good &= add(static_cast<double>(number.getSExtValue()));
  } else if (isa<FloatType>(dense.getElementType())) {
    for (const APFloat &number : dense.getValues<APFloat>())
      good &= add(toDouble(number));
  } else {
    return std::nullopt;
  }
  return good ? std::optional(range) : std::nullopt;
}

ElementBounds unite(ElementBounds a, ElementBounds b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

/// The extremes of an operation over the corners; nothing if one of them is NaN (as infinity minus
/// infinity).
template <typename Function>
std::optional<ElementBounds> corners(ElementBounds a, ElementBounds b, Function function) {
  double values[] = {function(a.low, b.low), function(a.low, b.high), function(a.high, b.low),
                     function(a.high, b.high)};
  if (std::any_of(std::begin(values), std::end(values), [](double v) { return std::isnan(v); }))
    return std::nullopt;
  auto [low, high] = std::minmax_element(std::begin(values), std::end(values));
  return ElementBounds{*low, *high};
}

std::optional<ElementBounds> rangeOf(Value value, int depth) {
  if (std::optional<ElementBounds> constant = ofConstant(value))
    return constant;
  if (isBool(value))
    return ElementBounds{0, 1};
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return std::nullopt;
  auto operand = [&](unsigned i) { return rangeOf(op->getOperand(i), depth - 1); };
  if (isa<onnx::CastOp, onnx::IdentityOp, onnx::UnsqueezeOp, onnx::SqueezeOp, onnx::ReshapeOp,
          onnx::TransposeOp, onnx::ExpandOp, onnx::SliceOp, onnx::GatherOp, onnx::GatherNDOp,
          onnx::TileOp, onnx::FlattenOp>(op))
    return operand(0);
  if (isa<onnx::TriluOp>(op)) {
    std::optional<ElementBounds> kept = operand(0);
    return kept ? std::optional(unite(*kept, {0, 0})) : std::nullopt;
  }
  if (auto filled = dyn_cast<onnx::ConstantOfShapeOp>(op)) {
    if (!filled.getValueAttr())
      return ElementBounds{0, 0};
    auto dense = dyn_cast<DenseElementsAttr>(filled.getValueAttr());
    if (!dense || !isa<FloatType>(dense.getElementType()) || dense.getNumElements() != 1)
      return std::nullopt;
    double number = toDouble(*dense.getValues<APFloat>().begin());
    return std::isnan(number) ? std::nullopt : std::optional(ElementBounds{number, number});
  }
  if (isa<onnx::WhereOp, onnx::ConcatOp>(op)) {
    std::optional<ElementBounds> all;
    for (Value part : op->getOperands().drop_front(isa<onnx::WhereOp>(op))) {
      std::optional<ElementBounds> range = rangeOf(part, depth - 1);
      if (!range)
        return std::nullopt;
      all = all ? unite(*all, *range) : *range;
    }
    return all;
  }
  if (op->getNumOperands() != 2)
    return std::nullopt;
  std::optional<ElementBounds> a = operand(0), b = a ? operand(1) : std::nullopt;
  if (!b)
    return std::nullopt;
  if (isa<onnx::AddOp>(op))
    return corners(*a, *b, [](double x, double y) { return x + y; });
  if (isa<onnx::SubOp>(op))
    return corners(*a, *b, [](double x, double y) { return x - y; });
  if (isa<onnx::MulOp>(op))
    return corners(*a, *b, [](double x, double y) { return x * y; });
  if (isa<onnx::MinOp, onnx::MaxOp>(op))
    return unite(*a, *b);
  return std::nullopt;
}

} // namespace

std::optional<ElementBounds> qllm::elementBounds(Value value) { return rangeOf(value, deepest); }

bool qllm::isProvablyFinite(Value value) {
  auto type = dyn_cast<TensorType>(value.getType());
  auto element = type ? dyn_cast<FloatType>(type.getElementType()) : FloatType();
  std::optional<ElementBounds> range = elementBounds(value);
  if (!element || !range)
    return false;
  double limit = toDouble(APFloat::getLargest(element.getFloatSemantics()));
  return range->low >= -limit && range->high <= limit;
}
