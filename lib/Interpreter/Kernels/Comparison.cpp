// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Comparisons and operators on truth values.

#include "Elementwise.h"
#include <functional>

using namespace qllm;
using namespace qllm::interp;

namespace {

template <typename Function>
LogicalResult compareStrings(KernelContext &ctx, llvm::ArrayRef<int64_t> shape, Tensor &out) {
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  BroadcastLoop loop(shape, {a.shape(), b.shape()});
  loop.run(ctx.pool(), [&](int64_t start, const BroadcastLoop::Offsets &at, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      out.mutableData<uint8_t>()[start + i] =
          Function()(a.strings()[at[0] + (loop.advances(0) ? i : 0)],
                     b.strings()[at[1] + (loop.advances(1) ? i : 0)]);
  });
  return success();
}

template <typename Function> LogicalResult compare(KernelContext &ctx) {
  Shape shape;
  if (failed(prepareBinary(ctx, shape)))
    return failure();
  Tensor *out = ctx.allocate(0, ElementType::Bool, shape);
  if (!out)
    return failure();
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  if (a.type() == ElementType::String)
    return compareStrings<Function>(ctx, shape, *out);
  BroadcastLoop loop(shape, {a.shape(), b.shape()});
  auto body = [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    combineElements(ctx.pool(), loop, a.data<T>(), b.data<T>(), out->mutableData<uint8_t>(),
                    [](T left, T right) { return uint8_t(Function()(left, right)); });
  };
  if (a.type() == ElementType::Bool)
    body(TypeTag<uint8_t>());
  else if (!dispatchArithmetic(a.type(), body))
    return unsupportedType(ctx, 0);
  return success();
}

template <typename Function> LogicalResult logical(KernelContext &ctx) {
  for (unsigned i : {0u, 1u})
    if (ctx.in(i).type() != ElementType::Bool)
      return unsupportedType(ctx, i);
  return compare<Function>(ctx);
}

struct Both {
  template <typename T> bool operator()(const T &a, const T &b) const {
    if constexpr (std::is_same_v<T, std::string>)
      return false;
    else
      return a && b;
  }
};
struct Either {
  template <typename T> bool operator()(const T &a, const T &b) const {
    if constexpr (std::is_same_v<T, std::string>)
      return false;
    else
      return a || b;
  }
};

template <typename Function> LogicalResult bitwise(KernelContext &ctx) {
  Shape shape;
  if (failed(prepareBinary(ctx, shape)))
    return failure();
  const Tensor &a = ctx.in(0), &b = ctx.in(1);
  Tensor *out = ctx.allocate(0, a.type(), shape);
  if (!out)
    return failure();
  BroadcastLoop loop(shape, {a.shape(), b.shape()});
  bool known = dispatchInteger(a.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    if constexpr (std::is_integral_v<T>)
      combineElements(ctx.pool(), loop, a.data<T>(), b.data<T>(), out->mutableData<T>(),
                      [](T left, T right) { return T(Function()(left, right)); });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addComparisonKernels(KernelRegistry &registry) {
  registry.add("Equal", compare<std::equal_to<>>, 2, 2);
  registry.add("Less", compare<std::less<>>, 2, 2);
  registry.add("LessOrEqual", compare<std::less_equal<>>, 2, 2);
  registry.add("Greater", compare<std::greater<>>, 2, 2);
  registry.add("GreaterOrEqual", compare<std::greater_equal<>>, 2, 2);
  registry.add("And", logical<Both>, 2, 2);
  registry.add("Or", logical<Either>, 2, 2);
  registry.add("Xor", logical<std::not_equal_to<>>, 2, 2);
  registry.add("BitwiseAnd", bitwise<std::bit_and<>>, 2, 2);
  registry.add("BitwiseOr", bitwise<std::bit_or<>>, 2, 2);
  registry.add("BitwiseXor", bitwise<std::bit_xor<>>, 2, 2);
}
