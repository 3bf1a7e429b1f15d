// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "ElementRounding.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Format/ElementFormat.h"
#include <cmath>

using namespace mlir;
using namespace qllm;

namespace {

/// Numbers of element types in ONNX.
enum ONNXType : int64_t {
  onnxFloat = 1,
  onnxHalf = 10,
  onnxBFloat = 16,
  onnxE4M3 = 17,
  onnxE5M2 = 19
};

const ElementFormat &formatOf(QuantizedType type) {
  return *ElementFormat::lookup(type.getFormat().getFormatName());
}

} // namespace

float ElementRounding::largest() const {
  if (auto integer = dyn_cast<IntFormatAttr>(type.getFormat()))
    return static_cast<float>(integer.getMaxCode());
  return formatOf(type).maxFinite();
}

Value ElementRounding::clip(Value x, float low, float high) {
  auto segments = graph.getBuilder().getDenseI32ArrayAttr({1, 1, 1});
  return graph.node<onnx::ClipOp>(
      "clip", x.getType(), {x, graph.scalar(low), graph.scalar(high)},
      {graph.getBuilder().getNamedAttr("operandSegmentSizes", segments)});
}

Value ElementRounding::nearest(Value x, Value offsets) {
  if (offsets)
    x = graph.binary<onnx::AddOp>("offset", x, offsets);
  return graph.node<onnx::RoundOp>("steps", x.getType(), x);
}

Value ElementRounding::codes(Value x) {
  const ElementFormat &format = formatOf(type);
  return clip(x, format.minFinite(), format.maxFinite());
}

Value ElementRounding::element(Value x, Value offsets) {
  if (!isa<FloatFormatAttr>(type.getFormat()))
    return codes(nearest(x, offsets));
  const ElementFormat &format = formatOf(type);
  Builder &builder = graph.getBuilder();
  x = clip(x, format.minFinite(), format.maxFinite());
  if (&format == &ElementFormat::e4m3())
    return castThrough(x, builder.getType<Float8E4M3FNType>(), onnxE4M3);
  if (&format == &ElementFormat::e5m2())
    return castThrough(x, builder.getType<Float8E5M2Type>(), onnxE5M2);
  return minifloat(x);
}

/// Formats without a type in ONNX Runtime: round(x / grid) * grid, the grid being a power of two
/// for each binade.
Value ElementRounding::minifloat(Value x) {
  const ElementFormat &format = formatOf(type);
  float grid = format.decodeTable()[1]; // the smallest value, and the distance of the first ones
  int mantissaBits = type.getFormat().getFormatName().back() - '0';
  Value magnitude = graph.node<onnx::AbsOp>("element_magnitude", x.getType(), x);
  Value grids = graph.scalar(grid);
  // The second binade of normal numbers is the first with a wider grid.
  for (float low = std::ldexp(grid, mantissaBits + 1); low <= format.maxFinite(); low *= 2) {
    grid *= 2;
    grids = where<onnx::GreaterOrEqualOp>("grid", magnitude, graph.scalar(low), graph.scalar(grid),
                                          grids);
  }
  Value quotient = graph.binary<onnx::DivOp>("grid_steps", x, grids);
  Value rounded = graph.node<onnx::RoundOp>("grid_rounded", quotient.getType(), quotient);
  return graph.binary<onnx::MulOp>("element", rounded, grids);
}

Value ElementRounding::castThrough(Value x, Type narrow, int64_t code) {
  auto tensor = cast<RankedTensorType>(x.getType());
  Value cast =
      graph.node<onnx::CastOp>("narrow", tensor.clone(narrow), x, {graph.attribute("to", code)});
  return graph.node<onnx::CastOp>("wide", tensor, cast, {graph.attribute("to", onnxFloat)});
}

Value ElementRounding::storedScale(Value scale, ScaleEncoding encoding) {
  Builder &builder = graph.getBuilder();
  float smallest = 0, greatest = 0;
  switch (encoding) {
  case ScaleEncoding::F32:
  case ScaleEncoding::UE8M0:
    return scale;
  case ScaleEncoding::F16:
    scale = castThrough(clip(scale, 0, 65504), builder.getF16Type(), onnxHalf);
    smallest = 0x1p-24f;
    greatest = 65504;
    break;
  case ScaleEncoding::BF16:
    return castThrough(scale, builder.getBF16Type(), onnxBFloat);
  case ScaleEncoding::E4M3:
    scale = castThrough(clip(scale, 0, 448), builder.getType<Float8E4M3FNType>(), onnxE4M3);
    smallest = 0x1p-9f;
    greatest = 448;
    break;
  }
  return clip(scale, smallest, greatest);
}

template <typename OpTy>
Value ElementRounding::where(StringRef role, Value a, Value b, Value yes, Value no) {
  auto tensor = cast<RankedTensorType>(a.getType());
  Value condition = graph.node<OpTy>((role + "_condition").str(),
                                     tensor.clone(graph.getBuilder().getI1Type()), {a, b});
  return graph.node<onnx::WhereOp>(role, tensor, {condition, yes, no});
}

Value ElementRounding::powerOfTwo(Value extent) {
  // Logarithms are not exact at powers of two; two comparisons put that right.
  Type tensor = extent.getType();
  extent = graph.node<onnx::MaxOp>("extent_floor", tensor, {extent, graph.scalar(0x1p-124f)});
  Value log = graph.node<onnx::LogOp>("log", tensor, extent);
  Value exponent =
      graph.binary<onnx::MulOp>("log2", log, graph.scalar(static_cast<float>(1 / std::log(2.0))));
  exponent = graph.node<onnx::FloorOp>("exponent", tensor, exponent);
  Value power = graph.node<onnx::PowOp>("power", tensor, {graph.scalar(2), exponent});
  Value half = graph.binary<onnx::MulOp>("half", power, graph.scalar(0.5f));
  power = where<onnx::GreaterOp>("not_above", power, extent, half, power);
  Value twice = graph.binary<onnx::MulOp>("twice", power, graph.scalar(2));
  power = where<onnx::LessOrEqualOp>("not_below", twice, extent, twice, power);
  float unit = std::ldexp(1.0f, -std::ilogb(largest()));
  return graph.binary<onnx::MulOp>("power_scale", power, graph.scalar(unit));
}
