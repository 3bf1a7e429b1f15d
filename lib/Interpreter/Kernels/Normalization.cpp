// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Normalizations over the last dimensions, over channels, and the fused forms with a residual sum.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Gains and biases may have any shape that broadcasts to the normalized dimensions; expand to one
/// value an element.
LogicalResult rowParameter(KernelContext &ctx, unsigned operand, llvm::ArrayRef<int64_t> normalized,
                           Tensor &result) {
  if (!ctx.has(operand))
    return success();
  const Tensor &given = ctx.in(operand);
  llvm::Expected<Tensor> floats = cast(given, ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  std::optional<Shape> shape = broadcastShape({given.shape(), normalized});
  if (!shape || llvm::ArrayRef<int64_t>(*shape) != normalized)
    return ctx.fail("expected operand " + llvm::Twine(operand) + " to broadcast to " +
                    describeShape(normalized) + ", but got " + describe(given));
  if (given.size() == *elementCount(normalized)) {
    result = *floats;
    return success();
  }
  if (!ctx.temporary(result, ElementType::F32, normalized))
    return failure();
  BroadcastLoop loop(normalized, {given.shape()});
  loop.run(ctx.pool(), [&](int64_t start, const BroadcastLoop::Offsets &at, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      result.mutableData<float>()[start + i] =
          floats->data<float>()[at[0] + (loop.advances(0) ? i : 0)];
  });
  return success();
}

/// Rows of dimensions [axis, rank) in f32.
struct RowNorm {
  Tensor input, gain, bias;
  int64_t rows = 1, length = 1;
  Shape statistics;

  LogicalResult prepare(KernelContext &ctx, int64_t axis, unsigned gainOperand,
                        unsigned biasOperand) {
    const Tensor &x = ctx.in(0);
    if (failed(ctx.normalizeAxis(axis, x.rank())))
      return failure();
    for (int64_t d = 0; d < x.rank(); ++d) {
      (d < axis ? rows : length) *= x.dim(d);
      statistics.push_back(d < axis ? x.dim(d) : 1);
    }
    llvm::Expected<Tensor> floats = cast(x, ElementType::F32);
    if (!floats)
      return ctx.fail(floats.takeError());
    input = *floats;
    if (failed(rowParameter(ctx, gainOperand, x.shape().drop_front(axis), gain)))
      return failure();
    return biasOperand ? rowParameter(ctx, biasOperand, x.shape().drop_front(axis), bias)
                       : success();
  }
  const float *gainData() const { return gain.isNull() ? nullptr : gain.data<float>(); }
  const float *biasData() const { return bias.isNull() ? nullptr : bias.data<float>(); }
  int64_t grain() const {
    return std::max<int64_t>(1, elementGrain / 4 / std::max<int64_t>(length, 1));
  }
};

/// Results come out in f32; the executor converts f16 and bf16, f64 is converted here.
LogicalResult restoreType(KernelContext &ctx, unsigned i, ElementType type) {
  if (type != ElementType::F64)
    return success();
  return ctx.setOrFail(i, cast(*ctx.out(i), type));
}

bool wants(KernelContext &ctx, unsigned i) { return i < ctx.outputCount(); }

LogicalResult layerNormalization(KernelContext &ctx) {
  RowNorm norm;
  if (failed(norm.prepare(ctx, ctx.attr("axis", int64_t(-1)), 1, 2)))
    return failure();
  float epsilon = float(ctx.attr("epsilon", 1e-5));
  Tensor *out = ctx.allocate(0, ElementType::F32, norm.input.shape());
  Tensor *mean =
      out && wants(ctx, 1) ? ctx.allocate(1, ElementType::F32, norm.statistics) : nullptr;
  Tensor *deviation =
      out && wants(ctx, 2) ? ctx.allocate(2, ElementType::F32, norm.statistics) : nullptr;
  if (!out || (wants(ctx, 1) && !mean) || (wants(ctx, 2) && !deviation))
    return failure();
  ctx.pool().forRange(norm.rows, norm.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      vec::layerNormRow(norm.input.data<float>() + row * norm.length, norm.gainData(),
                        norm.biasData(), epsilon, out->mutableData<float>() + row * norm.length,
                        norm.length, mean ? mean->mutableData<float>() + row : nullptr,
                        deviation ? deviation->mutableData<float>() + row : nullptr);
  });
  return restoreType(ctx, 0, ctx.in(0).type());
}

LogicalResult rmsNormalization(KernelContext &ctx) {
  RowNorm norm;
  if (failed(norm.prepare(ctx, ctx.attr("axis", int64_t(-1)), 1, 0)))
    return failure();
  float epsilon = float(ctx.attr("epsilon", 1e-5));
  Tensor *out = ctx.allocate(0, ElementType::F32, norm.input.shape());
  if (!out)
    return failure();
  ctx.pool().forRange(norm.rows, norm.grain(), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      vec::rmsNormRow(norm.input.data<float>() + row * norm.length, norm.gainData(), epsilon,
                      out->mutableData<float>() + row * norm.length, norm.length);
  });
  if (wants(ctx, 1)) { // inverse root mean square, of the contrib operator
    Tensor *inverse = ctx.allocate(1, ElementType::F32, norm.statistics);
    if (!inverse)
      return failure();
    for (int64_t row = 0; row < norm.rows; ++row)
      inverse->mutableData<float>()[row] =
          float(1 / std::sqrt(vec::sumOfSquares(norm.input.data<float>() + row * norm.length,
                                                norm.length) /
                                  double(norm.length) +
                              epsilon));
  }
  return restoreType(ctx, 0, ctx.in(0).type());
}

/// input + skip (+ bias), then one of the normalizations over the last dimension.
LogicalResult skipNormalization(KernelContext &ctx, bool simplified) {
  const Tensor &x = ctx.in(0), &skip = ctx.in(1);
  unsigned beta = simplified ? 0 : 3, bias = simplified ? 3 : 4;
  int64_t length = x.rank() ? x.dim(x.rank() - 1) : 0;
  std::optional<Shape> shape = broadcastShape({x.shape(), skip.shape()});
  if (x.type() != ElementType::F32 || skip.type() != ElementType::F32 || !shape ||
      llvm::ArrayRef<int64_t>(*shape) != x.shape() || ctx.in(2).size() != length)
    return ctx.fail(
        "expected a skip that broadcasts to the input and a gain for each channel, but got " +
        describe(x) + ", " + describe(skip) + " and " + describe(ctx.in(2)));
  for (unsigned i : {beta, bias})
    if (i && ctx.has(i) && (ctx.in(i).size() != length || ctx.in(i).type() != ElementType::F32))
      return ctx.fail("expected operand " + llvm::Twine(i) +
                      " to have one value for each channel, but got " + describe(ctx.in(i)));
  Tensor sum;
  Tensor *out = ctx.temporary(sum, ElementType::F32, x.shape())
                    ? ctx.allocate(0, ElementType::F32, x.shape())
                    : nullptr;
  if (!out)
    return failure();
  BroadcastLoop loop(x.shape(), {x.shape(), skip.shape()});
  combineElements(ctx.pool(), loop, x.data<float>(), skip.data<float>(), sum.mutableData<float>(),
                  [](float a, float b) { return a + b; });
  auto parameter = [&](unsigned i) { return i && ctx.has(i) ? ctx.in(i).data<float>() : nullptr; };
  const float *addend = parameter(bias), *shift = parameter(beta), *gain = ctx.in(2).data<float>();
  float epsilon = float(ctx.attr("epsilon", simplified ? 1e-5 : 1e-12));
  int64_t rows = length ? x.size() / length : 0;
  ctx.pool().forRange(rows, std::max<int64_t>(1, elementGrain / 4 / std::max<int64_t>(length, 1)),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t row = begin; row < end; ++row) {
                          float *from = sum.mutableData<float>() + row * length,
                                *to = out->mutableData<float>() + row * length;
                          for (int64_t i = 0; addend && i < length; ++i)
                            from[i] += addend[i];
                          if (simplified)
                            vec::rmsNormRow(from, gain, epsilon, to, length);
                          else
                            vec::layerNormRow(from, gain, shift, epsilon, to, length, nullptr,
                                              nullptr);
                        }
                      });
  if (wants(ctx, 3))
    ctx.set(3, sum);
  return success();
}

/// y = (x - mean) * factor * gain + bias, with one mean and factor for each run of `length`
/// elements, and gain and bias by channel.
void normalizeRuns(KernelContext &ctx, const Tensor &x, Tensor &out, int64_t runs, int64_t length,
                   float epsilon,
                   llvm::function_ref<void(int64_t, const float *, float *, float, float)> apply) {
  ctx.pool().forRange(runs, std::max<int64_t>(1, elementGrain / 4 / std::max<int64_t>(length, 1)),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t run = begin; run < end; ++run) {
                          const float *from = x.data<float>() + run * length;
                          double mean = vec::sum(from, length) / double(length), square = 0;
                          for (int64_t i = 0; i < length; ++i)
                            square += (from[i] - mean) * (from[i] - mean);
                          float factor = float(1 / std::sqrt(square / double(length) + epsilon));
                          apply(run, from, out.mutableData<float>() + run * length, float(mean),
                                factor);
                        }
                      });
}

/// The operands in f32; results are converted back by `restoreType`.
LogicalResult floatOperands(KernelContext &ctx, unsigned count,
                            llvm::SmallVectorImpl<Tensor> &operands) {
  for (unsigned i = 0; i < count; ++i) {
    llvm::Expected<Tensor> floats = cast(ctx.in(i), ElementType::F32);
    if (!floats)
      return ctx.fail(floats.takeError());
    operands.push_back(*floats);
  }
  return success();
}

/// Instance and group normalization: a group of one channel, or of several.
LogicalResult groupedNormalization(KernelContext &ctx, int64_t groups, bool byGroup) {
  const Tensor &x = ctx.in(0);
  if (x.rank() < 2)
    return ctx.fail("expected at least two dimensions, but got " + describe(x));
  int64_t channels = x.dim(1), parameters = byGroup ? groups : channels;
  if (groups <= 0 || channels % groups != 0 || ctx.in(1).size() != parameters ||
      ctx.in(2).size() != parameters)
    return ctx.fail("expected " + llvm::Twine(channels) + " channels in whole groups and " +
                    llvm::Twine(parameters) + " gains and biases, but got " + llvm::Twine(groups) +
                    " groups, " + describe(ctx.in(1)) + " and " + describe(ctx.in(2)));
  llvm::SmallVector<Tensor> operands;
  Tensor *out = succeeded(floatOperands(ctx, 3, operands))
                    ? ctx.allocate(0, ElementType::F32, x.shape())
                    : nullptr;
  if (!out)
    return failure();
  if (x.size() == 0)
    return success();
  int64_t perGroup = channels / groups, spatial = x.size() / (x.dim(0) * channels);
  const float *gain = operands[1].data<float>(), *bias = operands[2].data<float>();
  normalizeRuns(ctx, operands[0], *out, x.dim(0) * groups, perGroup * spatial,
                float(ctx.attr("epsilon", 1e-5)),
                [&](int64_t run, const float *from, float *to, float mean, float factor) {
                  int64_t group = run % groups;
                  for (int64_t i = 0; i < perGroup * spatial; ++i) {
                    int64_t which = byGroup ? group : group * perGroup + i / spatial;
                    to[i] = (from[i] - mean) * factor * gain[which] + bias[which];
                  }
                });
  return restoreType(ctx, 0, x.type());
}

LogicalResult instanceNormalization(KernelContext &ctx) {
  return groupedNormalization(ctx, ctx.in(0).rank() > 1 ? ctx.in(0).dim(1) : 1, false);
}

/// Before opset 21 gain and bias were given by group.
LogicalResult groupNormalization(KernelContext &ctx) {
  return groupedNormalization(ctx, ctx.attr("num_groups", int64_t(0)), ctx.opset() < 21);
}

LogicalResult batchNormalization(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t channels = x.rank() > 1 ? x.dim(1) : 1;
  for (unsigned i = 1; i < 5; ++i)
    if (ctx.in(i).size() != channels)
      return ctx.fail("expected one parameter for each of " + llvm::Twine(channels) +
                      " channels, but got " + describe(ctx.in(i)));
  llvm::SmallVector<Tensor> operands;
  Tensor *out = succeeded(floatOperands(ctx, 5, operands))
                    ? ctx.allocate(0, ElementType::F32, x.shape())
                    : nullptr;
  if (!out)
    return failure();
  bool training = ctx.attr("training_mode", int64_t(0));
  double epsilon = ctx.attr("epsilon", 1e-5), momentum = ctx.attr("momentum", 0.9);
  AxisView view(x.rank() > 1 ? x.shape() : llvm::ArrayRef<int64_t>({x.size(), 1}), 1);
  Tensor *running[2] = {};
  for (unsigned i = 0; training && i < 2 && wants(ctx, i + 1); ++i)
    if (!(running[i] = ctx.allocate(i + 1, ElementType::F32, ctx.in(3 + i).shape())))
      return failure();
  for (int64_t c = 0; c < channels; ++c) {
    double mean = operands[3].data<float>()[c], variance = operands[4].data<float>()[c];
    const float *in = operands[0].data<float>();
    auto each = [&](auto body) {
      for (int64_t o = 0; o < view.outer; ++o)
        for (int64_t i = 0; i < view.inner; ++i)
          body((o * channels + c) * view.inner + i);
    };
    if (training) {
      double sum = 0, square = 0, count = double(view.outer * view.inner);
      each([&](int64_t i) { sum += in[i]; });
      each([&](int64_t i) { square += (in[i] - sum / count) * (in[i] - sum / count); });
      if (running[0])
        running[0]->mutableData<float>()[c] = float(mean * momentum + sum / count * (1 - momentum));
      if (running[1])
        running[1]->mutableData<float>()[c] =
            float(variance * momentum + square / count * (1 - momentum));
      mean = sum / count;
      variance = square / count;
    }
    float factor = float(operands[1].data<float>()[c] / std::sqrt(variance + epsilon)),
          bias = operands[2].data<float>()[c];
    each([&](int64_t i) { out->mutableData<float>()[i] = (in[i] - float(mean)) * factor + bias; });
  }
  return restoreType(ctx, 0, x.type());
}

} // namespace

void interp::addNormalizationKernels(KernelRegistry &registry) {
  registry.add("LayerNormalization", layerNormalization, 2, 3);
  registry.add("RMSNormalization", rmsNormalization, 2, 2);
  registry.add("SimplifiedLayerNormalization", rmsNormalization, 2, 2);
  registry.add("ms.SimplifiedLayerNormalization", rmsNormalization, 2, 2);
  registry.add(
      "ms.SkipSimplifiedLayerNormalization",
      [](KernelContext &ctx) { return skipNormalization(ctx, true); }, 3, 4);
  registry.add(
      "ms.SkipLayerNormalization", [](KernelContext &ctx) { return skipNormalization(ctx, false); },
      3, 5);
  registry.add("InstanceNormalization", instanceNormalization, 3, 3);
  registry.add("GroupNormalization", groupNormalization, 3, 3);
  registry.add("BatchNormalization", batchNormalization, 5, 5);
}
