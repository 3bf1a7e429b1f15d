// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formula of `qllm.quantize` followed by `qllm.dequantize`, node by node.

#include "LowerActivations.h"

#include "ElementRounding.h"
#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Scales below this one are raised to it, as `qllm.quantize` says.
constexpr float smallestScale = 1e-8f;

/// Quantizes `x`, whose parameters hold along `axes` (along all where that is empty).
class Lowering {
public:
  Lowering(GraphBuilder &graph, QuantizeOp op, SmallVector<int64_t> axes)
      : graph(graph), op(op), type(op.getResult().getType()), round(graph, type),
        axes(std::move(axes)) {}

  /// Rounding offsets, shaped to stand beside the values.
  Value offsets;

  Value dynamic(Value x) {
    if (type.hasTensorScale())
      tensorScale = dynamicTensorScale(x);
    if (type.hasZeroPoint())
      return asymmetric(x);
    bool isMean = isa<TernaryFormatAttr>(type.getFormat());
    Value magnitude = graph.node<onnx::AbsOp>("magnitude", x.getType(), x);
    Value extent = clipped(isMean ? reduce<onnx::ReduceMeanOp>("mean", magnitude, axes)
                                  : reduce<onnx::ReduceMaxOp>("max", magnitude, axes));
    Value s = step(extent);
    return graph.binary<onnx::MulOp>("dequantized", round.element(quotient("steps", x, s), offsets),
                                     s);
  }
  /// With given parameters, shaped to stand beside the values.
  Value given(Value x, Value scale, Value zero) {
    Value steps = quotient("steps", x, scale);
    return graph.binary<onnx::MulOp>(
        "dequantized", zero ? centred(steps, zero) : round.element(steps, offsets), scale);
  }

private:
  template <typename OpTy> Value reduce(StringRef role, Value x, ArrayRef<int64_t> along) {
    auto tensor = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> shape(tensor.getShape());
    for (int64_t axis = 0; axis < tensor.getRank(); ++axis)
      if (along.empty() || llvm::is_contained(along, axis))
        shape[axis] = 1;
    SmallVector<Value> operands{x};
    if (!along.empty())
      operands.push_back(graph.integers(along));
    return graph.node<OpTy>(role, tensor.clone(shape), operands, {graph.attribute("keepdims", 1)});
  }
  Value clipped(Value extent) {
    if (op.getRangeClip() == 1)
      return extent;
    return graph.binary<onnx::MulOp>("clipped", extent, graph.scalar(op.getRangeClip()));
  }
  Value atLeast(StringRef role, Value x, float low) {
    return graph.node<onnx::MaxOp>(role, x.getType(), {x, graph.scalar(low)});
  }
  Value quotient(StringRef role, Value x, Value scale) {
    return graph.binary<onnx::DivOp>((role + "_quotient").str(), x, scale);
  }
  /// What an extent is divided by: the largest element, or the number of steps in a range.
  float largest() const { return round.largest(); }

  Value dynamicTensorScale(Value x) {
    bool isNarrow = type.getScaleEncoding() == ScaleEncoding::E4M3 ||
                    type.getScaleEncoding() == ScaleEncoding::F16;
    if (!isNarrow)
      return {}; // the other encodings have range enough: it is 1
    float most = type.getScaleEncoding() == ScaleEncoding::E4M3 ? 448.0f : 65504.0f;
    float twice = type.hasZeroPoint() ? 2.0f : 1.0f;
    Value magnitude = graph.node<onnx::AbsOp>("tensor_magnitude", x.getType(), x);
    Value extent = clipped(reduce<onnx::ReduceMaxOp>("tensor_max", magnitude, {}));
    extent =
        graph.binary<onnx::DivOp>("tensor_scale", extent, graph.scalar(largest() * most / twice));
    return atLeast("tensor_scale_floor", extent, 0x1p-100f);
  }
  /// The scale of an extent as it is stored, times the tensor scale.
  Value step(Value extent) {
    Value s;
    if (type.getScaleEncoding() == ScaleEncoding::UE8M0) {
      s = round.powerOfTwo(extent);
    } else {
      s = graph.binary<onnx::DivOp>("scale", extent, graph.scalar(largest()));
      s = atLeast("scale_floor", s,
                  tensorScale ? std::numeric_limits<float>::min() : smallestScale);
      if (tensorScale)
        s = graph.binary<onnx::DivOp>("scale_stored", s, tensorScale);
      s = round.storedScale(s, type.getScaleEncoding());
    }
    return tensorScale ? graph.binary<onnx::MulOp>("step", s, tensorScale) : s;
  }
  Value asymmetric(Value x) {
    Value low = reduce<onnx::ReduceMinOp>("min", x, axes);
    Value high = reduce<onnx::ReduceMaxOp>("max", x, axes);
    if (op.getIncludeZero()) {
      low = graph.node<onnx::MinOp>("min_or_zero", low.getType(), {low, graph.scalar(0)});
      high = atLeast("max_or_zero", high, 0);
    }
    low = clipped(low);
    Value s = step(graph.binary<onnx::SubOp>("range", clipped(high), low));
    Value negated = graph.node<onnx::NegOp>("negated_min", low.getType(), low);
    Value zero = quotient("zero_point", negated, s);
    zero = graph.node<onnx::RoundOp>("zero_point", zero.getType(), zero);
    return graph.binary<onnx::MulOp>("dequantized", centred(quotient("steps", x, s), zero), s);
  }
  /// Codes minus their zero point.
  Value centred(Value steps, Value zero) {
    Value shifted = graph.binary<onnx::AddOp>("shifted", round.nearest(steps, offsets), zero);
    return graph.binary<onnx::SubOp>("centred", round.codes(shifted), zero);
  }

  GraphBuilder &graph;
  QuantizeOp op;
  QuantizedType type;
  ElementRounding round;
  SmallVector<int64_t> axes;
  /// Null where there is none, or it is 1.
  Value tensorScale;
};

/// How a tensor is cut for its groups: one axis in two. Sizes behind the axis must be known.
struct GroupCut {
  SmallVector<int64_t> split, merged;
  RankedTensorType type;

  GroupCut(RankedTensorType input, int64_t axis, int64_t size) {
    // 0 keeps a size, -1 takes what is left.
    split.assign(axis, 0);
    merged.assign(axis, 0);
    SmallVector<int64_t> shape(input.getShape().take_front(axis));
    int64_t width = input.getDimSize(axis);
    llvm::append_values(split, -1, size);
    llvm::append_values(shape, ShapedType::isDynamic(width) ? width : width / size, size);
    merged.push_back(-1);
    for (int64_t behind : input.getShape().drop_front(axis + 1)) {
      split.push_back(behind);
      merged.push_back(behind);
      shape.push_back(behind);
    }
    type = input.clone(shape);
  }
};

bool canLower(QuantizeOp op) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto type = cast<QuantizedType>(op.getResult().getType());
  GranularityAttr granularity = type.getGranularity();
  if (!input.getElementType().isF32() || isa<CodebookFormatAttr>(type.getFormat()))
    return false;
  if (granularity.isGroup() &&
      llvm::any_of(input.getShape().drop_front(granularity.getAxis() + 1), ShapedType::isDynamic))
    return false;
  // Given parameters that differ from token to token have no shape to be given in.
  return op.isDynamic() || granularity.isPerTensor() || granularity.isPerChannel();
}

/// Parameters of a channel beside the values of a tensor.
Value besideChannels(GraphBuilder &graph, Value parameters, GranularityAttr granularity,
                     int64_t rank) {
  if (!parameters || granularity.isPerTensor())
    return parameters;
  SmallVector<int64_t> shape(rank, 1);
  auto type = cast<RankedTensorType>(parameters.getType());
  shape[granularity.getAxis()] = type.getDimSize(0);
  RankedTensorType beside = type.clone(shape);
  shape[granularity.getAxis()] = -1;
  return graph.node<onnx::ReshapeOp>("parameters", beside, {parameters, graph.integers(shape)});
}

Value givenParameters(GraphBuilder &graph, QuantizeOp op, Lowering &lowering) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  Type f32 = input.getElementType();
  auto asFloat = [&](Value value) -> Value {
    if (!value || cast<RankedTensorType>(value.getType()).getElementType() == f32)
      return value;
    constexpr int64_t onnxFloat = 1;
    return graph.node<onnx::CastOp>("cast", cast<RankedTensorType>(value.getType()).clone(f32),
                                    value, {graph.attribute("to", onnxFloat)});
  };
  GranularityAttr granularity = cast<QuantizedType>(op.getResult().getType()).getGranularity();
  Value scale = asFloat(op.getScales()), zero = asFloat(op.getZeroPoints());
  if (op.getTensorScale())
    scale = graph.binary<onnx::MulOp>("step", scale, op.getTensorScale());
  return lowering.given(op.getInput(), besideChannels(graph, scale, granularity, input.getRank()),
                        besideChannels(graph, zero, granularity, input.getRank()));
}

} // namespace

FailureOr<Value> qllm::lowerQuantize(GraphBuilder &graph, QuantizeOp op) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto type = cast<QuantizedType>(op.getResult().getType());
  GranularityAttr granularity = type.getGranularity();
  if (!canLower(op))
    return op.emitOpError()
           << "expected f32 values, a format other than a codebook, groups with known sizes behind "
              "them, and given parameters per tensor or channel only, which standard operators can "
              "express, but got "
           << type;
  graph.setSite(op);
  SmallVector<int64_t> axes;
  int64_t rank = input.getRank(), axis = granularity.getAxis();
  if (granularity.isPerToken())
    axes = {rank - 1};
  for (int64_t i = 0; granularity.isPerChannel() && i < rank; ++i)
    if (i != axis)
      axes.push_back(i);
  if (granularity.isGroup())
    axes = {axis + 1};
  Lowering lowering(graph, op, axes);
  lowering.offsets = op.getRoundingOffsets();
  if (!op.isDynamic())
    return givenParameters(graph, op, lowering);
  if (!granularity.isGroup())
    return lowering.dynamic(op.getInput());

  int64_t size = granularity.getGroupSize();
  GroupCut cut(input, axis, size);
  Value groups =
      graph.node<onnx::ReshapeOp>("groups", cut.type, {op.getInput(), graph.integers(cut.split)});
  if (lowering.offsets && axis == rank - 1) {
    auto offsets = cast<RankedTensorType>(lowering.offsets.getType());
    int64_t width = offsets.getDimSize(0);
    lowering.offsets = graph.node<onnx::ReshapeOp>(
        "offsets", offsets.clone({ShapedType::isDynamic(width) ? width : width / size, size}),
        {lowering.offsets, graph.integers({-1, size})});
  }
  Value result = lowering.dynamic(groups);
  return graph.node<onnx::ReshapeOp>("joined", input, {result, graph.integers(cut.merged)});
}
