// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The formula of dynamic `qllm.quantize` followed by `qllm.dequantize`, node by node.

#include "LowerActivations.h"

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"

using namespace mlir;
using namespace qllm;

namespace {

/// Scales below this one are raised to it, as `qllm.quantize` says.
constexpr float smallestScale = 1e-8f;

/// Quantizes along the last axis, or over everything.
class Lowering {
public:
  Lowering(GraphBuilder &graph, IntFormatAttr format, bool wholeTensor)
      : graph(graph), format(format), wholeTensor(wholeTensor) {}

  Value run(Value x) { return format.isAsymmetric() ? asymmetric(x) : symmetric(x); }

private:
  template <typename OpTy> Value reduce(StringRef role, Value x) {
    auto type = cast<RankedTensorType>(x.getType());
    SmallVector<int64_t> shape(type.getShape());
    if (wholeTensor)
      shape.assign(shape.size(), 1);
    else
      shape.back() = 1;
    SmallVector<Value> operands{x};
    if (!wholeTensor)
      operands.push_back(graph.integers({-1}));
    return graph.node<OpTy>(role, type.clone(shape), operands, {graph.attribute("keepdims", 1)});
  }
  Value clip(Value x, int64_t low, int64_t high) {
    auto segments = graph.getBuilder().getDenseI32ArrayAttr({1, 1, 1});
    return graph.node<onnx::ClipOp>(
        "clip", x.getType(), {x, graph.scalar(low), graph.scalar(high)},
        {graph.getBuilder().getNamedAttr("operandSegmentSizes", segments)});
  }
  Value scale(Value range, int64_t steps) {
    Value scale = graph.binary<onnx::DivOp>("scale", range, graph.scalar(steps));
    return graph.node<onnx::MaxOp>("scale_floor", scale.getType(),
                                   {scale, graph.scalar(smallestScale)});
  }
  Value rounded(StringRef role, Value x, Value scale) {
    Value quotient = graph.binary<onnx::DivOp>((role + "_quotient").str(), x, scale);
    return graph.node<onnx::RoundOp>(role, quotient.getType(), quotient);
  }
  Value asymmetric(Value x) {
    Value low = reduce<onnx::ReduceMinOp>("min", x), high = reduce<onnx::ReduceMaxOp>("max", x);
    Value s = scale(graph.binary<onnx::SubOp>("range", high, low), format.getMaxCode());
    Value negated = graph.node<onnx::NegOp>("negated_min", low.getType(), low);
    Value zero = rounded("zero_point", negated, s);
    Value shifted = graph.binary<onnx::AddOp>("shifted", rounded("steps", x, s), zero);
    Value code = clip(shifted, format.getMinCode(), format.getMaxCode());
    return graph.binary<onnx::MulOp>("dequantized",
                                     graph.binary<onnx::SubOp>("centred", code, zero), s);
  }
  Value symmetric(Value x) {
    Value magnitude = graph.node<onnx::AbsOp>("magnitude", x.getType(), x);
    Value s = scale(reduce<onnx::ReduceMaxOp>("max", magnitude), format.getMaxCode());
    Value code = clip(rounded("steps", x, s), format.getMinCode(), format.getMaxCode());
    return graph.binary<onnx::MulOp>("dequantized", code, s);
  }

  GraphBuilder &graph;
  IntFormatAttr format;
  bool wholeTensor;
};

} // namespace

FailureOr<Value> qllm::lowerQuantize(GraphBuilder &graph, QuantizeOp op) {
  auto input = cast<RankedTensorType>(op.getInput().getType());
  auto type = cast<QuantizedType>(op.getResult().getType());
  auto format = dyn_cast<IntFormatAttr>(type.getFormat());
  GranularityAttr granularity = type.getGranularity();
  int64_t last = input.getRank() - 1;
  bool lastAxisGroups = granularity.isGroup() && granularity.getAxis() == last;
  if (!format || !op.isDynamic() || op.getIncludeZero() || op.getRoundingOffsets() ||
      op.getClip() || type.getScaleEncoding() != ScaleEncoding::F32 ||
      !input.getElementType().isF32() ||
      !(granularity.isPerToken() || granularity.isPerTensor() || lastAxisGroups))
    return op.emitOpError() << "expected a dynamic integer format of f32 values per token, per "
                               "tensor or in groups of "
                               "the last axis, which standard operators can express, but got "
                            << type;
  graph.setSite(op);
  if (!lastAxisGroups)
    return Lowering(graph, format, granularity.isPerTensor()).run(op.getInput());

  // Groups become an axis of their own; 0 keeps a size, -1 takes what is left.
  int64_t size = granularity.getGroupSize(), width = input.getDimSize(last);
  SmallVector<int64_t> split(last, 0), merged(last, 0);
  llvm::append_values(split, -1, size);
  merged.push_back(-1);
  SmallVector<int64_t> shape(input.getShape().drop_back());
  llvm::append_values(shape, ShapedType::isDynamic(width) ? width : width / size, size);
  Value groups = graph.node<onnx::ReshapeOp>("groups", input.clone(shape),
                                             {op.getInput(), graph.integers(split)});
  Value result = Lowering(graph, format, /*wholeTensor=*/false).run(groups);
  return graph.node<onnx::ReshapeOp>("joined", input, {result, graph.integers(merged)});
}
