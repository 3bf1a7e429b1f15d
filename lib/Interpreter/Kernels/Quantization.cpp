// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear and MatMulInteger of ai.onnx.

#include "Axes.h"
#include "MatMulShape.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Which parameter belongs to an element: one for all, one for each index of an axis, or one for
/// each block along it.
struct ParameterMap {
  AxisView view{{1}, 0};
  int64_t block = 0; // elements of the axis that share a parameter; 0 for one parameter in all
  int64_t blocks = 1;
  bool perAxis = false;

  LogicalResult read(KernelContext &ctx) {
    const Tensor &x = ctx.in(0), &scale = ctx.in(1);
    int64_t axis = ctx.attr("axis", int64_t(1)), size = ctx.attr("block_size", int64_t(0));
    view = AxisView({1, x.size(), 1}, 1);
    if (ctx.has(2) && ctx.in(2).shape() != scale.shape() &&
        (ctx.in(2).size() != 1 || scale.size() != 1))
      return ctx.fail("expected zero points of the shape of the scales, but got " +
                      describe(ctx.in(2)) + " and " + describe(scale));
    // A scale of one element is one for all, unless blocks are asked for.
    if (size == 0 && scale.size() == 1)
      return success();
    if (failed(ctx.normalizeAxis(axis, x.rank())))
      return failure();
    view = AxisView(x.shape(), axis);
    if (size == 0) {
      perAxis = true;
      return scale.rank() == 1 && scale.dim(0) == view.length
                 ? success()
                 : ctx.fail("expected " + llvm::Twine(view.length) + " scales for axis " +
                            llvm::Twine(axis) + ", but got " + describe(scale));
    }
    blocks = size > 0 ? (view.length + size - 1) / size : 0;
    block = size;
    Shape wanted(x.shape());
    wanted[axis] = blocks;
    return size > 0 && scale.shape() == llvm::ArrayRef<int64_t>(wanted)
               ? success()
               : ctx.fail("expected scales of " + describeShape(wanted) + " for blocks of " +
                          llvm::Twine(size) + ", but got " + describe(scale));
  }

  /// The parameter of the first element of a row (one index of the outer dimensions and the axis),
  /// and how it moves along it.
  std::pair<int64_t, int64_t> rowParameter(int64_t outer, int64_t index) const {
    if (perAxis)
      return {index, 0};
    return block ? std::pair<int64_t, int64_t>((outer * blocks + index / block) * view.inner, 1)
                 : std::pair<int64_t, int64_t>(0, 0);
  }

  /// Calls `body(element, parameter, parameterStep, count)` for runs that cover all elements.
  void run(ThreadPool &pool,
           llvm::function_ref<void(int64_t, int64_t, int64_t, int64_t)> body) const {
    if (!perAxis && !block) {
      pool.forRange(view.length, elementGrain,
                    [&](int64_t begin, int64_t end) { body(begin, 0, 0, end - begin); });
      return;
    }
    // With the axis innermost, a row is one element; blocks or the whole axis make longer runs.
    int64_t run = view.inner == 1 ? (block ? block : view.length) : 1,
            rows = (view.length + run - 1) / run;
    int64_t grain = std::max<int64_t>(1, elementGrain / std::max<int64_t>(1, run * view.inner));
    pool.forRange(view.outer * rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        int64_t outer = row / rows, index = row % rows * run;
        auto [parameter, step] = rowParameter(outer, index);
        int64_t count = std::min(run, view.length - index) * view.inner;
        bool along = view.inner == 1; // the run goes along the axis
        body((outer * view.length + index) * view.inner, parameter,
             along ? (perAxis ? 1 : 0) : step, count);
      }
    });
  }
};

std::pair<float, float> integerRange(ElementType type) {
  int bits = int(fileBits(type));
  if (isSignedInteger(type))
    return {-std::ldexp(1.0f, bits - 1), std::ldexp(1.0f, bits - 1) - 1};
  return {0, std::ldexp(1.0f, bits) - 1};
}

LogicalResult readFloats(KernelContext &ctx, unsigned operand, Tensor &result) {
  llvm::Expected<Tensor> floats = cast(ctx.in(operand), ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  result = *floats;
  return success();
}

LogicalResult quantizeLinear(KernelContext &ctx) {
  ParameterMap map;
  Tensor x, scales, zeros, quotients;
  ElementType type = elementTypeOfCode(ctx.attr("output_dtype", int64_t(0)));
  if (ctx.has(2))
    type = ctx.in(2).type();
  else if (type == ElementType::Undefined)
    type = ElementType::U8;
  if (failed(map.read(ctx)) || failed(readFloats(ctx, 0, x)) ||
      failed(readFloats(ctx, 1, scales)) || (ctx.has(2) && failed(readFloats(ctx, 2, zeros))) ||
      !ctx.temporary(quotients, ElementType::F32, x.shape()))
    return failure();
  bool integer = isInteger(type);
  auto [low, high] = integer ? integerRange(type) : std::pair<float, float>(0, 0);
  const float *from = x.data<float>(), *scale = scales.data<float>(),
              *zero = zeros.isNull() ? nullptr : zeros.data<float>();
  float *to = quotients.mutableData<float>();
  map.run(ctx.pool(), [&, low = low, high = high](int64_t at, int64_t parameter, int64_t step,
                                                  int64_t count) {
    if (integer && step == 0) {
      vec::quantizeRow(from + at, scale[parameter], zero ? zero[parameter] : 0, low, high, to + at,
                       count);
      return;
    }
    for (int64_t i = 0; i < count; ++i) {
      int64_t p = parameter + i * step;
      float quotient = from[at + i] / scale[p];
      if (integer)
        quotient = std::min(std::max(std::nearbyint(quotient) + (zero ? zero[p] : 0), low), high);
      to[at + i] = quotient;
    }
  });
  CastOptions options;
  options.saturate = ctx.attr("saturate", int64_t(1));
  return ctx.setOrFail(0, cast(quotients, type, options));
}

LogicalResult dequantizeLinear(KernelContext &ctx) {
  ParameterMap map;
  Tensor x, scales, zeros;
  ElementType scaleType = ctx.in(1).type(),
              given = elementTypeOfCode(ctx.attr("output_dtype", int64_t(0)));
  if (ctx.has(2) && ctx.in(2).type() != ctx.in(0).type())
    return ctx.fail("expected zero points of the type of the codes, but got " +
                    describe(ctx.in(2)) + " and " + describe(ctx.in(0)));
  if (failed(map.read(ctx)) || failed(readFloats(ctx, 0, x)) ||
      failed(readFloats(ctx, 1, scales)) || (ctx.has(2) && failed(readFloats(ctx, 2, zeros))))
    return failure();
  Tensor *out = ctx.allocate(0, ElementType::F32, x.shape());
  if (!out)
    return failure();
  const float *from = x.data<float>(), *scale = scales.data<float>(),
              *zero = zeros.isNull() ? nullptr : zeros.data<float>();
  float *to = out->mutableData<float>();
  map.run(ctx.pool(), [&](int64_t at, int64_t parameter, int64_t step, int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      int64_t p = parameter + i * step;
      to[at + i] = (from[at + i] - (zero ? zero[p] : 0)) * scale[p];
    }
  });
  ElementType type = given != ElementType::Undefined ? given : scaleType;
  return ctx.setOrFail(0, cast(*out, isFloat(type) ? type : ElementType::F32));
}

LogicalResult dynamicQuantizeLinear(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (x.type() != ElementType::F32 || x.size() == 0)
    return ctx.fail("expected f32 elements, but got " + describe(x));
  float most = std::max(0.0f, vec::maximum(x.data<float>(), x.size()));
  float least = std::min(0.0f, vec::minimum(x.data<float>(), x.size()));
  float scale = most == least ? 1.0f / 255 : (most - least) / 255;
  float zero = std::nearbyint(std::min(std::max(0 - least / scale, 0.0f), 255.0f));
  Tensor codes;
  if (!ctx.temporary(codes, ElementType::F32, x.shape()))
    return failure();
  mapRuns(ctx.pool(), x.data<float>(), codes.mutableData<float>(), x.size(),
          [&](const float *in, float *out, int64_t count) {
            vec::quantizeRow(in, scale, zero, 0, 255, out, count);
          });
  ctx.set(1, Tensor::scalar<float>(scale));
  ctx.set(2, Tensor::scalar<uint8_t>(uint8_t(zero)));
  return ctx.setOrFail(0, cast(codes, ElementType::U8));
}

/// Elements minus their zero points, in i32: one for all, one for each row of the left operand, or
/// for each column of the right.
LogicalResult centered(KernelContext &ctx, unsigned operand, unsigned zeroOperand, bool byRow,
                       Tensor &result) {
  const Tensor &x = ctx.in(operand);
  if (x.type() != ElementType::I8 && x.type() != ElementType::U8)
    return unsupportedType(ctx, operand);
  llvm::Expected<Tensor> wide = cast(x, ElementType::I32);
  llvm::Expected<Tensor> zeros = ctx.has(zeroOperand) ? cast(ctx.in(zeroOperand), ElementType::I32)
                                                      : Tensor::scalar<int32_t>(0);
  if (!wide || !zeros)
    return ctx.fail(llvm::joinErrors(wide.takeError(), zeros.takeError()));
  int64_t columns = x.rank() ? x.dim(x.rank() - 1) : 1,
          rows = x.rank() > 1 ? x.dim(x.rank() - 2) : 1;
  int64_t count = byRow ? rows : columns, batches = x.size() / std::max<int64_t>(1, rows * columns);
  if (zeros->size() != 1 && zeros->size() != count && zeros->size() != count * batches)
    return ctx.fail("expected one zero point or " + llvm::Twine(count) + ", but got " +
                    describe(ctx.in(zeroOperand)));
  if (!ctx.temporary(result, ElementType::I32, x.shape()))
    return failure();
  for (int64_t i = 0; i < x.size(); ++i) {
    int64_t line = byRow ? i / columns : i / (rows * columns) * columns + i % columns;
    int64_t which = zeros->size() == 1 ? 0 : zeros->size() == count ? line % count : line;
    result.mutableData<int32_t>()[i] = wide->data<int32_t>()[i] - zeros->data<int32_t>()[which];
  }
  return success();
}

LogicalResult matMulInteger(KernelContext &ctx) {
  Tensor a, b;
  MatMulShape shape;
  if (failed(centered(ctx, 0, 2, true, a)) || failed(centered(ctx, 1, 3, false, b)) ||
      failed(shape.compute(ctx, a.shape(), b.shape())))
    return failure();
  Tensor *out = ctx.allocate(0, ElementType::I32, shape.result);
  if (!out)
    return failure();
  ctx.pool().forRange(shape.batches * shape.rows, 4, [&](int64_t begin, int64_t end) {
    for (int64_t line = begin; line < end; ++line) {
      int64_t batch = line / shape.rows, row = line % shape.rows;
      const int32_t *left =
          a.data<int32_t>() + (shape.leftIndex[batch] * shape.rows + row) * shape.depth;
      const int32_t *right =
          b.data<int32_t>() + shape.rightIndex[batch] * shape.depth * shape.columns;
      int32_t *to = out->mutableData<int32_t>() + line * shape.columns;
      std::fill_n(to, shape.columns, 0);
      for (int64_t k = 0; k < shape.depth;
           ++k) // a row of the right at a time, so that the loop is vector code
        for (int64_t column = 0; column < shape.columns; ++column)
          to[column] = int32_t(uint32_t(to[column]) +
                               uint32_t(left[k]) * uint32_t(right[k * shape.columns + column]));
    }
  });
  return success();
}

} // namespace

void interp::addQuantizationKernels(KernelRegistry &registry) {
  registry.add("QuantizeLinear", quantizeLinear, 2, 3);
  registry.add("DequantizeLinear", dequantizeLinear, 2, 3, keepsHalf);
  registry.add("DynamicQuantizeLinear", dynamicQuantizeLinear, 1, 1);
  registry.add("MatMulInteger", matMulInteger, 2, 4);
}
