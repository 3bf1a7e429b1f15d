// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Arithmetic of two and more operands with broadcasting.

#include "Elementwise.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

LogicalResult interp::prepareBinary(KernelContext &ctx, Shape &shape) {
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  if (a.type() != b.type())
    return ctx.fail("expected operands of one element type, but got " + llvm::Twine(describe(a)) +
                    " and " + describe(b));
  std::optional<Shape> result = broadcastShape({a.shape(), b.shape()});
  if (!result)
    return ctx.fail("expected shapes that broadcast together, but got " +
                    llvm::Twine(describeShape(a.shape())) + " and " + describeShape(b.shape()));
  shape = *result;
  return success();
}

namespace {

/// Wrapping for integers, where C++ leaves the signed case undefined.
struct Add {
  template <typename T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return T(std::make_unsigned_t<T>(a) + std::make_unsigned_t<T>(b));
    else
      return a + b;
  }
};
struct Sub {
  template <typename T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>)
      return T(std::make_unsigned_t<T>(a) - std::make_unsigned_t<T>(b));
    else
      return a - b;
  }
};
struct Mul {
  template <typename T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) // 64 bits, as narrow unsigned types promote to int, whose
                                         // overflow is undefined
      return T(uint64_t(a) * uint64_t(b));
    else
      return a * b;
  }
};
/// Integers truncate; division by zero gives 0 and the one overflow wraps, as no trap may come from
/// data.
struct Div {
  template <typename T> T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0)
        return 0;
      if constexpr (std::is_signed_v<T>)
        if (b == -1)
          return Sub()(T(0), a);
      return T(a / b);
    } else {
      return a / b;
    }
  }
};
/// The sign of the divisor for integers (and by Python's rule), that of the dividend with fmod.
template <bool byDividend> struct Mod {
  template <typename T> T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      T rest = std::fmod(a, b);
      return !byDividend && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    } else {
      if (b == 0)
        return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == -1)
          return 0;
        T rest = T(a % b);
        return !byDividend && rest != 0 && (rest < 0) != (b < 0) ? T(rest + b) : rest;
      } else {
        return T(a % b);
      }
    }
  }
};
/// NaN wins, as in NumPy.
struct Max {
  template <typename T> T operator()(T a, T b) const { return a != a || a > b ? a : b; }
};
struct Min {
  template <typename T> T operator()(T a, T b) const { return a != a || a < b ? a : b; }
};

template <typename Function>
LogicalResult combine(KernelContext &ctx, const Tensor &a, const Tensor &b, Tensor &out) {
  BroadcastLoop loop(out.shape(), {a.shape(), b.shape()});
  bool known = dispatchArithmetic(a.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    combineElements(ctx.pool(), loop, a.data<T>(), b.data<T>(), out.mutableData<T>(), Function());
  });
  return known ? success() : unsupportedType(ctx, 0);
}

/// The result in the storage of an operand that has its shape and that nobody needs afterwards.
Tensor *allocateOverEither(KernelContext &ctx, ElementType type, llvm::ArrayRef<int64_t> shape) {
  unsigned source = ctx.in(0).shape() == shape && ctx.in(0).isUnique() ? 0 : 1;
  return ctx.in(source).shape() == shape ? ctx.allocateOver(0, source, type, shape)
                                         : ctx.allocate(0, type, shape);
}

template <typename Function> LogicalResult binary(KernelContext &ctx) {
  Shape shape;
  if (failed(prepareBinary(ctx, shape)))
    return failure();
  Tensor *out = allocateOverEither(ctx, ctx.in(0).type(), shape);
  return out ? combine<Function>(ctx, ctx.in(0), ctx.in(1), *out) : failure();
}

LogicalResult modulo(KernelContext &ctx) {
  return ctx.attr("fmod", int64_t(0)) ? binary<Mod<true>>(ctx) : binary<Mod<false>>(ctx);
}

/// Max, Min and Sum take one operand or more.
template <typename Function> LogicalResult variadic(KernelContext &ctx) {
  Tensor total = ctx.in(0);
  for (unsigned i = 1; i < ctx.inputCount(); ++i) {
    if (!ctx.has(i) || ctx.in(i).type() != total.type())
      return ctx.fail("expected operands of one element type");
    std::optional<Shape> shape = broadcastShape({total.shape(), ctx.in(i).shape()});
    Tensor next;
    if (!shape)
      return ctx.fail("expected shapes that broadcast together, but got " +
                      llvm::Twine(describe(total)) + " and " + describe(ctx.in(i)));
    if (!ctx.temporary(next, total.type(), *shape) ||
        failed(combine<Function>(ctx, total, ctx.in(i), next)))
      return failure();
    total = next;
  }
  ctx.set(0, total);
  return success();
}

LogicalResult mean(KernelContext &ctx) {
  if (failed(variadic<Add>(ctx)))
    return failure();
  Tensor &total = *ctx.out(0);
  Tensor result;
  if (!isFloat(total.type()) || !ctx.temporary(result, total.type(), total.shape()))
    return unsupportedType(ctx, 0);
  dispatchFloat(total.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    T count = T(ctx.inputCount());
    mapElements(ctx.pool(), total.data<T>(), result.mutableData<T>(), total.size(),
                [=](T x) { return x / count; });
  });
  ctx.set(0, result);
  return success();
}

template <typename T> T integerPower(T base, double exponent) {
  if (exponent < 0 || exponent != std::floor(exponent) || exponent > 63)
    return T(std::pow(double(base), exponent));
  uint64_t result = 1, factor = uint64_t(base);
  for (uint64_t n = uint64_t(exponent); n; n >>= 1, factor *= factor)
    if (n & 1)
      result *= factor;
  return T(result);
}

/// A power that is the same for all elements and small is a product; anything else is what pow
/// gives.
LogicalResult powerOfScalar(KernelContext &ctx, double exponent) {
  const Tensor &x = ctx.in(0);
  Tensor *out = ctx.allocateOver(0, 0, x.type(), x.shape());
  if (!out)
    return failure();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    auto map = [&](auto function) {
      mapElements(ctx.pool(), x.data<T>(), out->mutableData<T>(), x.size(), function);
    };
    if constexpr (std::is_integral_v<T>)
      map([=](T base) { return integerPower(base, exponent); });
    else if (exponent == 2)
      map([](T base) { return base * base; });
    else if (exponent == 3)
      map([](T base) { return base * base * base; });
    else if (exponent == 0.5)
      map([](T base) { return std::sqrt(base); });
    else
      map([=](T base) { return T(std::pow(base, T(exponent))); });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

LogicalResult power(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  llvm::Expected<Tensor> exponents = cast(ctx.in(1), ElementType::F64);
  if (!exponents)
    return ctx.fail(exponents.takeError());
  std::optional<Shape> shape = broadcastShape({x.shape(), exponents->shape()});
  if (!shape)
    return ctx.fail("expected shapes that broadcast together, but got " + llvm::Twine(describe(x)) +
                    " and " + describe(*exponents));
  if (exponents->size() == 1 && *shape == x.shape())
    return powerOfScalar(ctx, exponents->data<double>()[0]);
  Tensor *out = ctx.allocate(0, x.type(), *shape);
  if (!out)
    return failure();
  BroadcastLoop loop(*shape, {x.shape(), exponents->shape()});
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    loop.run(ctx.pool(), [&](int64_t start, const BroadcastLoop::Offsets &at, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        T base = x.data<T>()[at[0] + (loop.advances(0) ? i : 0)];
        double exponent = exponents->data<double>()[at[1] + (loop.advances(1) ? i : 0)];
        if constexpr (std::is_integral_v<T>)
          out->mutableData<T>()[start + i] = integerPower(base, exponent);
        else
          out->mutableData<T>()[start + i] = T(std::pow(base, T(exponent)));
      }
    });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addBinaryKernels(KernelRegistry &registry) {
  registry.add("Add", binary<Add>, 2, 2);
  registry.add("Sub", binary<Sub>, 2, 2);
  registry.add("Mul", binary<Mul>, 2, 2);
  registry.add("Div", binary<Div>, 2, 2);
  registry.add("Mod", modulo, 2, 2);
  registry.add("Pow", power, 2, 2);
  registry.add("Max", variadic<Max>, 1, KernelRegistry::variadic);
  registry.add("Min", variadic<Min>, 1, KernelRegistry::variadic);
  registry.add("Sum", variadic<Add>, 1, KernelRegistry::variadic);
  registry.add("Mean", mean, 1, KernelRegistry::variadic);
}
