// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where and Clip.

#include "Elementwise.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult where(KernelContext &ctx) {
  const Tensor &condition = ctx.in(0), &yes = ctx.in(1), &no = ctx.in(2);
  if (condition.type() != ElementType::Bool)
    return unsupportedType(ctx, 0);
  if (yes.type() != no.type())
    return ctx.fail("expected operands 1 and 2 of one element type, but got " +
                    llvm::Twine(describe(yes)) + " and " + describe(no));
  std::optional<Shape> shape = broadcastShape({condition.shape(), yes.shape(), no.shape()});
  if (!shape)
    return ctx.fail("expected shapes that broadcast together, but got " +
                    llvm::Twine(describe(condition)) + ", " + describe(yes) + " and " +
                    describe(no));
  unsigned reusable = no.shape() == llvm::ArrayRef<int64_t>(*shape) && no.isUnique() ? 2 : 1;
  bool over = ctx.in(reusable).shape() == llvm::ArrayRef<int64_t>(*shape);
  Tensor *out = over ? ctx.allocateOver(0, reusable, yes.type(), *shape)
                     : ctx.allocate(0, yes.type(), *shape);
  if (!out)
    return failure();
  BroadcastLoop loop(*shape, {condition.shape(), yes.shape(), no.shape()});
  const uint8_t *test = condition.data<uint8_t>();
  int64_t stepTest = loop.advances(0), stepYes = loop.advances(1), stepNo = loop.advances(2);
  bool moved = dispatchStorage(yes.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    const T *a = yes.data<T>(), *b = no.data<T>();
    T *to = out->mutableData<T>();
    loop.run(ctx.pool(), [&](int64_t start, const BroadcastLoop::Offsets &at, int64_t count) {
      if (stepTest && !stepYes &&
          stepNo) { // a mask: the form that attention has, made easy for the compiler
        T fill = a[at[1]];
        for (int64_t i = 0; i < count; ++i)
          to[start + i] = test[at[0] + i] ? fill : b[at[2] + i];
        return;
      }
      for (int64_t i = 0; i < count; ++i)
        to[start + i] = test[at[0] + i * stepTest] ? a[at[1] + i * stepYes] : b[at[2] + i * stepNo];
    });
  });
  if (!moved)
    loop.run(ctx.pool(), [&](int64_t start, const BroadcastLoop::Offsets &at, int64_t count) {
      for (int64_t i = 0; i < count; ++i)
        out->mutableStrings()[start + i] = test[at[0] + i * stepTest]
                                               ? yes.strings()[at[1] + i * stepYes]
                                               : no.strings()[at[2] + i * stepNo];
    });
  return success();
}

/// A bound from an operand, or before opset 11 from an attribute.
template <typename T>
LogicalResult bound(KernelContext &ctx, unsigned operand, llvm::StringRef attribute,
                    std::optional<T> &value) {
  if (ctx.has(operand)) {
    const Tensor &tensor = ctx.in(operand);
    if (tensor.size() != 1 || tensor.type() != ctx.in(0).type())
      return ctx.fail("expected operand " + llvm::Twine(operand) +
                      " to be a scalar of the input's type, but got " + describe(tensor));
    value = tensor.data<T>()[0];
  } else if (std::optional<double> given = ctx.attrs().real(attribute)) {
    value = T(*given);
  }
  return success();
}

LogicalResult clip(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Tensor *out = ctx.allocateOver(0, 0, x.type(), x.shape());
  if (!out)
    return failure();
  LogicalResult result = success();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    std::optional<T> low, high;
    if (failed(bound(ctx, 1, "min", low)) || failed(bound(ctx, 2, "max", high))) {
      result = failure();
      return;
    }
    T least = low.value_or(T()), most = high.value_or(T());
    bool hasLow = low.has_value(), hasHigh = high.has_value();
    mapElements(ctx.pool(), x.data<T>(), out->mutableData<T>(), x.size(), [=](T value) {
      value = hasLow && value < least ? least : value; // the upper bound wins when the bounds cross
      return hasHigh && value > most ? most : value;
    });
  });
  return known ? result : unsupportedType(ctx, 0);
}

} // namespace

void interp::addSelectionKernels(KernelRegistry &registry) {
  registry.add("Where", where, 3, 3, keepsHalf);
  registry.add("Clip", clip, 1, 3);
}
