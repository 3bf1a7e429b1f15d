// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The qllm dialect: into and out of the quantized form.

#include "Kernels/Axes.h"
#include "OffsetRounding.h"
#include "OperationKernels.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Interpreter/Quantized.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/StringSwitch.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// The specification that a type stands for.
QuantizeSpec specOf(QuantizedType type) {
  QuantizeSpec spec;
  mlir::Attribute format = type.getFormat();
  if (auto integer = llvm::dyn_cast<IntFormatAttr>(format)) {
    spec.symmetric = !integer.isAsymmetric();
    spec.element = ElementFormat::integer(integer.getBits(), spec.symmetric);
  } else {
    // `e2m1`, `nf4`, `ternary`: the names agree with those of the format library.
    spec.element = ElementFormat::lookup(type.getFormat().getFormatName());
    if (llvm::isa<TernaryFormatAttr>(format))
      spec.statistic = ScaleStatistic::AbsMean;
  }
  static constexpr ScaleFormat encodings[] = {ScaleFormat::F32, ScaleFormat::F16, ScaleFormat::BF16,
                                              ScaleFormat::UE8M0, ScaleFormat::E4M3};
  spec.scaleFormat = encodings[unsigned(type.getScaleEncoding())];
  spec.hasTensorScale = type.hasTensorScale();
  return spec;
}

LogicalResult layoutOf(KernelContext &ctx, QuantizedType type, llvm::ArrayRef<int64_t> shape,
                       GroupLayout &layout) {
  GranularityAttr granularity = type.getGranularity();
  int64_t rank = int64_t(shape.size()), axis = granularity.getAxis(), size = *elementCount(shape);
  layout.split.assign(shape.begin(), shape.end());
  for (int64_t d = 0; d < rank; ++d)
    layout.permutation.push_back(d);
  if (granularity.isPerTensor()) {
    layout.groupSize = size;
  } else if (granularity.isPerToken()) {
    layout.scaleShape.assign(shape.begin(), shape.end() - 1);
    layout.groupSize = shape.back();
  } else if (granularity.isPerChannel()) {
    layout.scaleShape.assign(1, shape[axis]);
    layout.groupSize = shape[axis] ? size / shape[axis] : 0;
    layout.permutation.erase(layout.permutation.begin() + axis);
    layout.permutation.insert(layout.permutation.begin(), axis);
  } else {
    int64_t length = granularity.getGroupSize();
    if (shape[axis] % length != 0)
      return ctx.fail("expected groups of " + llvm::Twine(length) + " to divide dimension " +
                      llvm::Twine(axis) + " of " + describeShape(shape));
    layout.scaleShape.assign(shape.begin(), shape.end());
    layout.scaleShape[axis] /= length;
    layout.split[axis] /= length;
    layout.split.insert(layout.split.begin() + axis + 1, length);
    layout.permutation.push_back(rank);
    // The axis inside a group goes last.
    layout.permutation.erase(layout.permutation.begin() + axis + 1);
    layout.permutation.push_back(axis + 1);
    layout.groupSize = length;
  }
  layout.groups = *elementCount(layout.scaleShape);
  return success();
}

LogicalResult failWith(KernelContext &ctx, const FormatStatus &status) {
  return ctx.fail(status.message());
}

/// Scales as they are stored.
llvm::Expected<Tensor> storedScales(const Tensor &values, QuantizedType type) {
  return cast(values, runtimeElementType(type.getScaleElementType()));
}

/// Given or computed parameters of all groups, in f32.
struct Parameters {
  Tensor scales, zeroPoints;
  float tensorScale = 1;
};

LogicalResult givenParameters(KernelContext &ctx, QuantizedTensor &result, unsigned first,
                              Parameters &parameters) {
  result.scales = ctx.in(first);
  if (result.scales.shape() != llvm::ArrayRef<int64_t>(result.layout.scaleShape))
    return ctx.fail("expected scales of shape " + describeShape(result.layout.scaleShape) +
                    ", but got " + describe(result.scales));
  llvm::Expected<Tensor> scales = result.scaleValues();
  if (!scales)
    return ctx.fail(scales.takeError());
  parameters.scales = *scales;
  if (ctx.has(first + 1)) {
    llvm::Expected<Tensor> zeros = cast(ctx.in(first + 1), ElementType::I32);
    if (!zeros)
      return ctx.fail(zeros.takeError());
    if (zeros->shape() != result.scales.shape())
      return ctx.fail("expected zero points of the shape of the scales, but got " +
                      describe(*zeros));
    parameters.zeroPoints = result.zeroPoints = *zeros;
  }
  if (ctx.has(first + 2))
    parameters.tensorScale = result.tensorScale = ctx.in(first + 2).data<float>()[0];
  return success();
}

/// Runs `body(firstGroup, count)` on pieces in parallel and reports the first failure in the order
/// of the groups.
LogicalResult forGroups(KernelContext &ctx, const GroupLayout &layout,
                        llvm::function_ref<FormatStatus(int64_t, int64_t)> body) {
  int64_t grain = std::max<int64_t>(1, 16 * 1024 / std::max<int64_t>(1, layout.groupSize));
  std::vector<FormatStatus> statuses(size_t((layout.groups + grain - 1) / grain));
  ctx.pool().forRange(layout.groups, grain, [&](int64_t begin, int64_t end) {
    statuses[begin / grain] = body(begin, end - begin);
  });
  for (const FormatStatus &status : statuses)
    if (!status)
      return failWith(ctx, status);
  return success();
}

/// Parameters of groups [begin, begin + count), and their codes if there are any to write.
FormatStatus quantizePiece(const QuantizeSpec &spec, const float *grouped, int64_t begin,
                           int64_t count, size_t size, Parameters &parameters, uint8_t *codes) {
  float *scales = parameters.scales.mutableData<float>() + begin;
  int32_t *zeros = parameters.zeroPoints.isNull()
                       ? nullptr
                       : parameters.zeroPoints.mutableData<int32_t>() + begin;
  Span<const float> values(grouped + begin * int64_t(size), size_t(count) * size);
  if (codes && quantizeGroups(spec, values, size,
                              {{codes + begin * int64_t(size), values.size()},
                               {scales, size_t(count)},
                               {zeros, zeros ? size_t(count) : 0}},
                              parameters.tensorScale))
    return FormatStatus();
  // Group by group, for parameters alone or for the message, which counts within the group.
  for (int64_t i = 0; i < count; ++i) {
    GroupParameters one;
    if (FormatStatus status = computeParameters(spec, values.slice(size_t(i) * size, size), one,
                                                parameters.tensorScale);
        !status)
      return status;
    scales[i] = one.scale;
    if (zeros)
      zeros[i] = one.zeroPoint;
  }
  return FormatStatus();
}

/// Dynamic quantization of all groups; without `codes` the parameters only.
LogicalResult quantizeDynamic(KernelContext &ctx, QuantizedType type, const float *grouped,
                              QuantizedTensor &result, Parameters &parameters, uint8_t *codes) {
  const GroupLayout &layout = result.layout;
  if (result.spec.hasTensorScale) {
    ValueRange range;
    if (FormatStatus status = scanRange({grouped, size_t(layout.groups * layout.groupSize)}, range);
        !status)
      return failWith(ctx, status);
    parameters.tensorScale = result.tensorScale = tensorScaleFor(result.spec, range.absMax());
  }
  if (!ctx.temporary(parameters.scales, ElementType::F32, layout.scaleShape))
    return failure();
  if (type.hasZeroPoint() &&
      !ctx.temporary(parameters.zeroPoints, ElementType::I32, layout.scaleShape))
    return failure();
  LogicalResult computed = forGroups(ctx, layout, [&](int64_t begin, int64_t count) {
    return quantizePiece(result.spec, grouped, begin, count, size_t(layout.groupSize), parameters,
                         codes);
  });
  if (failed(computed))
    return failure();
  llvm::Expected<Tensor> stored = storedScales(parameters.scales, type);
  if (!stored)
    return ctx.fail(stored.takeError());
  result.scales = *stored;
  result.zeroPoints = parameters.zeroPoints;
  return success();
}

LogicalResult encodeAll(KernelContext &ctx, const Tensor &grouped, const Tensor *offsets,
                        const Parameters &parameters, QuantizedTensor &result, uint8_t *codes) {
  const GroupLayout &layout = result.layout;
  return forGroups(ctx, layout, [&](int64_t begin, int64_t count) {
    for (int64_t group = begin; group < begin + count; ++group) {
      GroupParameters one;
      one.scale = parameters.scales.data<float>()[group];
      one.zeroPoint =
          parameters.zeroPoints.isNull() ? 0 : parameters.zeroPoints.data<int32_t>()[group];
      size_t size = size_t(layout.groupSize), at = size_t(group) * size;
      const float *values = grouped.data<float>() + at;
      FormatStatus status =
          offsets ? encodeWithOffsets(result.spec, one, parameters.tensorScale, {values, size},
                                      offsets->values<float>(), at, codes + at)
                  : encodeGroup(result.spec, one, {values, size}, {codes + at, size},
                                parameters.tensorScale);
      if (!status)
        return status;
    }
    return FormatStatus();
  });
}

/// The offsets of the last axis; spread over the whole shape where groups do not follow it.
LogicalResult groupedOffsets(KernelContext &ctx, unsigned operand, const GroupLayout &layout,
                             llvm::ArrayRef<int64_t> shape, Tensor &result) {
  llvm::Expected<Tensor> given = cast(ctx.in(operand), ElementType::F32);
  if (!given)
    return ctx.fail(given.takeError());
  if (given->size() != shape.back())
    return ctx.fail("expected " + llvm::Twine(shape.back()) + " rounding offsets, but got " +
                    describe(*given));
  result = *given;
  if (llvm::is_sorted(layout.permutation))
    return success();
  Tensor spread;
  if (!ctx.temporary(spread, ElementType::F32, layout.split))
    return failure();
  for (int64_t i = 0; i < spread.size(); ++i)
    spread.mutableData<float>()[i] = given->data<float>()[i % shape.back()];
  llvm::Expected<Tensor> grouped = permuteAxes(ctx.pool(), spread, layout.permutation);
  if (!grouped)
    return ctx.fail(grouped.takeError());
  result = *grouped;
  return success();
}

LogicalResult quantize(mlir::Operation *op, KernelContext &ctx) {
  auto type = llvm::cast<QuantizedType>(op->getResult(0).getType());
  auto result = std::make_shared<QuantizedTensor>();
  llvm::Expected<Tensor> floats = cast(ctx.in(0), ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  result->spec = specOf(type);
  result->spec.rangeIncludesZero = op->hasAttr("include_zero");
  if (auto clip = op->getAttrOfType<mlir::FloatAttr>("clip"))
    result->spec.clip = clip.getValue().convertToFloat();
  Shape shape(floats->shape());
  if (failed(layoutOf(ctx, type, shape, result->layout)))
    return failure();
  const GroupLayout &layout = result->layout;
  llvm::Expected<Tensor> grouped =
      permuteAxes(ctx.pool(), floats->reshaped(layout.split), layout.permutation);
  if (!grouped)
    return ctx.fail(grouped.takeError());
  Parameters parameters;
  Tensor offsets, codes;
  if (ctx.has(4) && failed(groupedOffsets(ctx, 4, layout, shape, offsets)))
    return failure();
  ElementType storage = runtimeElementType(type.getFormat().getStorageType());
  if (!ctx.temporary(codes, storage, grouped->shape()))
    return failure();
  uint8_t *to = codes.mutableData<uint8_t>();
  bool given = ctx.has(1), hasOffsets = ctx.has(4);
  if (failed(given ? givenParameters(ctx, *result, 1, parameters)
                   : quantizeDynamic(ctx, type, grouped->data<float>(), *result, parameters,
                                     hasOffsets ? nullptr : to)))
    return failure();
  if ((given || hasOffsets) &&
      failed(encodeAll(ctx, *grouped, hasOffsets ? &offsets : nullptr, parameters, *result, to)))
    return failure();
  Shape back(layout.permutation.size());
  for (auto [i, axis] : llvm::enumerate(layout.permutation))
    back[axis] = int64_t(i);
  llvm::Expected<Tensor> ordered = permuteAxes(ctx.pool(), codes, back);
  if (!ordered)
    return ctx.fail(ordered.takeError());
  result->codes = ordered->reshaped(shape);
  ctx.set(0, Value(std::shared_ptr<const QuantizedTensor>(result)));
  return success();
}

LogicalResult pack(mlir::Operation *op, KernelContext &ctx) {
  auto type = llvm::cast<QuantizedType>(op->getResult(0).getType());
  auto result = std::make_shared<QuantizedTensor>();
  result->spec = specOf(type);
  result->codes = ctx.in(0);
  Parameters parameters;
  if (failed(layoutOf(ctx, type, result->codes.shape(), result->layout)) ||
      failed(givenParameters(ctx, *result, 1, parameters)))
    return failure();
  ctx.set(0, Value(std::shared_ptr<const QuantizedTensor>(result)));
  return success();
}

LogicalResult unpack(mlir::Operation *op, KernelContext &ctx) {
  auto type = llvm::cast<QuantizedType>(op->getOperand(0).getType());
  const QuantizedTensor &q = *ctx.value(0).quantized();
  unsigned next = 0;
  ctx.set(next++, q.codes);
  ctx.set(next++, q.scales);
  if (type.hasZeroPoint())
    ctx.set(next++, q.zeroPoints);
  if (type.hasTensorScale())
    ctx.set(next++, Tensor::scalar<float>(q.tensorScale));
  return success();
}

LogicalResult dequantize(mlir::Operation *op, KernelContext &ctx) {
  Tensor floats;
  return succeeded(realValues(ctx, 0, floats)) ? setDeclaredResult(op, ctx, floats) : failure();
}

} // namespace

OperationKernel interp::findQuantizedKernel(llvm::StringRef name) {
  return llvm::StringSwitch<OperationKernel>(name)
      .Case("qllm.quantize", quantize)
      .Case("qllm.dequantize", dequantize)
      .Case("qllm.pack", pack)
      .Case("qllm.unpack", unpack)
      .Default(nullptr);
}
