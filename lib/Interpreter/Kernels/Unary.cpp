// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element-wise operators of one operand.

#include "Elementwise.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// One formula for f32 and f64.
template <typename Function> LogicalResult floatUnary(KernelContext &ctx, Function function) {
  const Tensor &x = ctx.in(0);
  Tensor *out = isFloat(x.type()) ? ctx.allocateOver(0, 0, x.type(), x.shape()) : nullptr;
  if (!out)
    return unsupportedType(ctx, 0);
  dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    mapElements(ctx.pool(), x.data<T>(), out->mutableData<T>(), x.size(), function);
  });
  return success();
}

/// f32 by a vector function, f64 by the formula.
template <typename Vector, typename Function>
LogicalResult vectorUnary(KernelContext &ctx, Vector vectorized, Function function) {
  if (ctx.in(0).type() != ElementType::F32)
    return floatUnary(ctx, function);
  Tensor *out = ctx.allocateOver(0, 0, ElementType::F32, ctx.in(0).shape());
  if (!out)
    return failure();
  mapRuns(ctx.pool(), ctx.in(0).data<float>(), out->mutableData<float>(), out->size(), vectorized);
  return success();
}

/// One formula for all numbers.
template <typename Function> LogicalResult numberUnary(KernelContext &ctx, Function function) {
  const Tensor &x = ctx.in(0);
  Tensor *out = ctx.allocateOver(0, 0, x.type(), x.shape());
  if (!out)
    return failure();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    mapElements(ctx.pool(), x.data<T>(), out->mutableData<T>(), x.size(),
                [&](T value) { return T(function(value)); });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

/// A test of a floating-point element.
template <typename Function> LogicalResult floatTest(KernelContext &ctx, Function function) {
  const Tensor &x = ctx.in(0);
  Tensor *out = ctx.allocate(0, ElementType::Bool, x.shape());
  if (!out)
    return failure();
  bool known = dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    mapElements(ctx.pool(), x.data<T>(), out->mutableData<uint8_t>(), x.size(), function);
  });
  return known ? success() : unsupportedType(ctx, 0);
}

/// Integers wrap; floats keep the sign of zero.
template <typename T> T negated(T x) {
  if constexpr (std::is_floating_point_v<T>)
    return -x;
  else
    return T(std::make_unsigned_t<T>(0) - std::make_unsigned_t<T>(x));
}

// A formula with `x` of type T.
#define QLLM_FORMULA(EXPRESSION)                                                                   \
  [=](auto x) {                                                                                    \
    using T = decltype(x);                                                                         \
    (void)sizeof(T);                                                                               \
    return EXPRESSION;                                                                             \
  }

#define QLLM_FLOAT_UNARY(NAME, EXPRESSION)                                                         \
  registry.add(                                                                                    \
      NAME, [](KernelContext &ctx) { return floatUnary(ctx, QLLM_FORMULA(T(EXPRESSION))); }, 1, 1)

LogicalResult gelu(KernelContext &ctx, bool byTanh) {
  if (!byTanh)
    return floatUnary(ctx,
                      QLLM_FORMULA(T(0.5) * x * (T(1) + std::erf(x * T(0.70710678118654752)))));
  return floatUnary(ctx, QLLM_FORMULA(T(0.5) * x *
                                      (T(1) + std::tanh(T(0.79788456080286536) *
                                                        (x + T(0.044715) * x * x * x)))));
}

/// GELU of the sum of both operands.
LogicalResult biasGelu(KernelContext &ctx, bool byTanh) {
  if (!ctx.has(1))
    return gelu(ctx, byTanh);
  Shape shape;
  if (failed(prepareBinary(ctx, shape)))
    return failure();
  const Tensor &x = ctx.in(0), &bias = ctx.in(1);
  Tensor sum;
  if (!isFloat(x.type()) || !ctx.temporary(sum, x.type(), shape))
    return unsupportedType(ctx, 0);
  BroadcastLoop loop(shape, {x.shape(), bias.shape()});
  dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    combineElements(ctx.pool(), loop, x.data<T>(), bias.data<T>(), sum.mutableData<T>(),
                    [](T a, T b) { return a + b; });
  });
  ctx.value(0) = sum;
  return gelu(ctx, byTanh);
}

LogicalResult swish(KernelContext &ctx, const char *factorName, double otherwise) {
  double factor = ctx.attr(factorName, otherwise);
  return vectorUnary(
      ctx,
      [=](const float *in, float *out, int64_t count) {
        vec::swish(in, float(factor), out, count);
      },
      QLLM_FORMULA(x / (1 + std::exp(-factor * x))));
}

LogicalResult isInf(KernelContext &ctx) {
  bool positive = ctx.attr("detect_positive", int64_t(1)),
       negative = ctx.attr("detect_negative", int64_t(1));
  return floatTest(ctx,
                   [=](auto x) { return uint8_t(std::isinf(x) && (x > 0 ? positive : negative)); });
}

LogicalResult prelu(KernelContext &ctx) {
  // Before opset 7, one slope belonged to each channel, which is the second axis.
  if (ctx.opset() < 7 && ctx.in(1).rank() == 1 && ctx.in(0).rank() > 2 && ctx.in(1).size() > 1) {
    Shape perChannel(size_t(ctx.in(0).rank() - 1), 1);
    perChannel.front() = ctx.in(1).size();
    ctx.value(1) = ctx.in(1).reshaped(perChannel);
  }
  Shape shape;
  if (failed(prepareBinary(ctx, shape)))
    return failure();
  const Tensor &x = ctx.in(0), &slope = ctx.in(1);
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  BroadcastLoop loop(shape, {x.shape(), slope.shape()});
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    combineElements(ctx.pool(), loop, x.data<T>(), slope.data<T>(), out->mutableData<T>(),
                    [](T value, T factor) { return value < T(0) ? T(value * factor) : value; });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

LogicalResult logicalNot(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (x.type() != ElementType::Bool)
    return unsupportedType(ctx, 0);
  Tensor *out = ctx.allocateOver(0, 0, ElementType::Bool, x.shape());
  if (!out)
    return failure();
  mapElements(ctx.pool(), x.data<uint8_t>(), out->mutableData<uint8_t>(), x.size(),
              [](uint8_t v) { return uint8_t(!v); });
  return success();
}

void addActivations(KernelRegistry &registry) {
  registry.add(
      "Relu",
      [](KernelContext &ctx) { return numberUnary(ctx, QLLM_FORMULA(x < T(0) ? T(0) : x)); }, 1, 1);
  registry.add(
      "Tanh",
      [](KernelContext &ctx) { return vectorUnary(ctx, vec::tanh, QLLM_FORMULA(std::tanh(x))); }, 1,
      1);
  registry.add(
      "Sigmoid",
      [](KernelContext &ctx) {
        return vectorUnary(ctx, vec::sigmoid, QLLM_FORMULA(1 / (1 + std::exp(-x))));
      },
      1, 1);
  registry.add("Swish", [](KernelContext &ctx) { return swish(ctx, "alpha", 1.0); }, 1, 1);
  registry.add("ms.QuickGelu", [](KernelContext &ctx) { return swish(ctx, "alpha", 1.702); }, 1, 1);
  registry.add(
      "Gelu",
      [](KernelContext &ctx) { return gelu(ctx, ctx.attr("approximate", "none") == "tanh"); }, 1,
      1);
  registry.add("ms.BiasGelu", [](KernelContext &ctx) { return biasGelu(ctx, false); }, 2, 2);
  registry.add("ms.FastGelu", [](KernelContext &ctx) { return biasGelu(ctx, true); }, 1, 2);
  registry.add("ms.Gelu", [](KernelContext &ctx) { return gelu(ctx, false); }, 1, 1);
  registry.add(
      "Elu",
      [](KernelContext &ctx) {
        double alpha = ctx.attr("alpha", 1.0);
        return floatUnary(ctx, QLLM_FORMULA(x < T(0) ? T(alpha) * std::expm1(x) : x));
      },
      1, 1);
  registry.add(
      "LeakyRelu",
      [](KernelContext &ctx) {
        double alpha = ctx.attr("alpha", 0.01);
        return floatUnary(ctx, QLLM_FORMULA(x < T(0) ? T(alpha) * x : x));
      },
      1, 1);
  registry.add(
      "HardSigmoid",
      [](KernelContext &ctx) {
        double alpha = ctx.attr("alpha", 0.2), beta = ctx.attr("beta", 0.5);
        return floatUnary(ctx,
                          QLLM_FORMULA(std::min(std::max(T(alpha) * x + T(beta), T(0)), T(1))));
      },
      1, 1);
  QLLM_FLOAT_UNARY("HardSwish", x * std::min(std::max(x / T(6) + T(0.5), T(0)), T(1)));
  QLLM_FLOAT_UNARY("Softplus", x > T(0) ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)));
  QLLM_FLOAT_UNARY("Softsign", x / (T(1) + std::fabs(x)));
  QLLM_FLOAT_UNARY("Mish", x * std::tanh(x > T(20) ? x : std::log1p(std::exp(x))));
  registry.add("PRelu", prelu, 2, 2);
}

} // namespace

void interp::addUnaryKernels(KernelRegistry &registry) {
  addActivations(registry);
  registry.add(
      "Exp",
      [](KernelContext &ctx) {
        return vectorUnary(ctx, vec::exponential, QLLM_FORMULA(std::exp(x)));
      },
      1, 1);
  QLLM_FLOAT_UNARY("Log", std::log(x));
  QLLM_FLOAT_UNARY("Sqrt", std::sqrt(x));
  QLLM_FLOAT_UNARY("Reciprocal", T(1) / x);
  QLLM_FLOAT_UNARY("Erf", std::erf(x));
  QLLM_FLOAT_UNARY("Sin", std::sin(x));
  QLLM_FLOAT_UNARY("Cos", std::cos(x));
  QLLM_FLOAT_UNARY("Tan", std::tan(x));
  QLLM_FLOAT_UNARY("Asin", std::asin(x));
  QLLM_FLOAT_UNARY("Acos", std::acos(x));
  QLLM_FLOAT_UNARY("Atan", std::atan(x));
  QLLM_FLOAT_UNARY("Sinh", std::sinh(x));
  QLLM_FLOAT_UNARY("Cosh", std::cosh(x));
  QLLM_FLOAT_UNARY("Asinh", std::asinh(x));
  QLLM_FLOAT_UNARY("Acosh", std::acosh(x));
  QLLM_FLOAT_UNARY("Atanh", std::atanh(x));
  QLLM_FLOAT_UNARY("Floor", std::floor(x));
  QLLM_FLOAT_UNARY("Ceil", std::ceil(x));
  QLLM_FLOAT_UNARY("Round", std::nearbyint(x)); // half to even, the default mode
  registry.add(
      "Neg", [](KernelContext &ctx) { return numberUnary(ctx, QLLM_FORMULA(negated(x))); }, 1, 1);
  registry.add(
      "Abs",
      [](KernelContext &ctx) {
        return numberUnary(ctx, QLLM_FORMULA(x < T(0) ? negated(x) : T(x + T(0))));
      },
      1, 1);
  registry.add(
      "Sign",
      [](KernelContext &ctx) {
        return numberUnary(ctx, QLLM_FORMULA(x > T(0) ? T(1) : x < T(0) ? T(-1) : x));
      },
      1, 1);
  registry.add(
      "IsNaN",
      [](KernelContext &ctx) { return floatTest(ctx, [](auto x) { return uint8_t(x != x); }); }, 1,
      1);
  registry.add("IsInf", isInf, 1, 1);
  registry.add("Not", logicalNot, 1, 1);
}
