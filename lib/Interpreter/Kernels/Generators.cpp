// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that make tensors: ConstantOfShape, Range, EyeLike, OneHot, NonZero, and sorting by
// TopK.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>
#include <numeric>

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult constantOfShape(KernelContext &ctx) {
  Shape shape;
  if (failed(ctx.integersOf(0, shape)))
    return failure();
  llvm::Expected<Tensor> value = ctx.attrs().tensor("value");
  if (!value)
    return ctx.fail(value.takeError());
  if (value->isNull())
    value = Tensor::scalar<float>(0);
  if (value->size() != 1)
    return ctx.fail("expected a value of one element, but got " + describe(*value));
  Tensor *out = ctx.allocate(0, value->type(), shape);
  if (!out)
    return failure();
  bool filled = dispatchStorage(value->type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    std::fill_n(out->mutableData<T>(), out->size(), value->data<T>()[0]);
  });
  return filled ? success() : ctx.fail("expected a numeric value, but got " + describe(*value));
}

LogicalResult range(KernelContext &ctx) {
  const Tensor &start = ctx.in(0), &limit = ctx.in(1), &delta = ctx.in(2);
  for (unsigned i : {1u, 2u})
    if (ctx.in(i).type() != start.type() || ctx.in(i).size() != 1 || start.size() != 1)
      return ctx.fail("expected three scalars of one type, but got " + describe(start) + ", " +
                      describe(limit) + " and " + describe(delta));
  LogicalResult result = success();
  bool known = dispatchArithmetic(start.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    T from = *start.data<T>(), to = *limit.data<T>(), by = *delta.data<T>();
    double count = by == T(0) ? -1 : std::ceil((double(to) - double(from)) / double(by));
    if (!(count >= -1e18 && count < 1e15) || by == T(0)) {
      result = ctx.fail("expected a step other than 0 that reaches the limit");
      return;
    }
    Tensor *out = ctx.allocate(0, start.type(), {std::max<int64_t>(0, int64_t(count))});
    if (!out) {
      result = failure();
      return;
    }
    for (int64_t i = 0; i < out->size(); ++i)
      out->mutableData<T>()[i] = T(from + T(i) * by);
  });
  return known ? result : unsupportedType(ctx, 0);
}

LogicalResult oneHot(KernelContext &ctx) {
  const Tensor &values = ctx.in(2);
  llvm::Expected<Tensor> indices = cast(ctx.in(0), ElementType::I64),
                         depths = cast(ctx.in(1), ElementType::I64);
  if (!indices || !depths)
    return ctx.fail(llvm::joinErrors(indices.takeError(), depths.takeError()));
  if (depths->size() != 1 || values.size() != 2 || values.rank() != 1)
    return ctx.fail("expected one depth and two values, but got " + describe(ctx.in(1)) + " and " +
                    describe(values));
  int64_t depth = *depths->data<int64_t>(), axis = ctx.attr("axis", int64_t(-1));
  if (failed(ctx.normalizeAxis(axis, indices->rank() + 1)))
    return failure();
  Shape shape(indices->shape());
  shape.insert(shape.begin() + axis, depth);
  Tensor *out = ctx.allocate(0, values.type(), shape);
  if (!out)
    return failure();
  AxisView view(shape, axis);
  for (int64_t i = 0; i < out->size(); ++i) {
    int64_t index =
        indices->data<int64_t>()[i / (view.length * view.inner) * view.inner + i % view.inner];
    bool hot = i / view.inner % view.length == (index < 0 ? index + depth : index);
    copyElements(*out, i, values, hot ? 1 : 0, 1);
  }
  return success();
}

LogicalResult eyeLike(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (x.rank() != 2)
    return ctx.fail("expected two dimensions, but got " + describe(x));
  std::optional<int64_t> code = ctx.attrs().integer("dtype");
  Tensor ones = Tensor::scalar<float>(1);
  ElementType type = code ? elementTypeOfCode(*code) : x.type();
  llvm::Expected<Tensor> one = cast(ones, type);
  if (type == ElementType::Undefined || !one)
    return ctx.fail("expected a numeric element type");
  Tensor *out = ctx.allocate(0, type, x.shape());
  if (!out)
    return failure();
  std::memset(out->rawMutableData(), 0, out->byteSize());
  int64_t shift = ctx.attr("k", int64_t(0));
  for (int64_t row = 0; row < x.dim(0); ++row)
    if (int64_t column = row + shift; column >= 0 && column < x.dim(1))
      copyElements(*out, row * x.dim(1) + column, *one, 0, 1);
  return success();
}

LogicalResult nonZero(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  llvm::Expected<Tensor> flags = cast(x, ElementType::Bool);
  if (!flags)
    return ctx.fail(flags.takeError());
  llvm::ArrayRef<uint8_t> set(flags->data<uint8_t>(), size_t(flags->size()));
  int64_t found = 0;
  for (uint8_t flag : set)
    found += flag != 0;
  Tensor *out = ctx.allocate(0, ElementType::I64, {x.rank(), found});
  if (!out)
    return failure();
  Shape strides = stridesOf(x.shape());
  int64_t next = 0;
  for (int64_t i = 0; i < x.size(); ++i) {
    if (!set[i])
      continue;
    for (int64_t d = 0; d < x.rank(); ++d)
      out->mutableData<int64_t>()[d * found + next] = i / strides[d] % x.dim(d);
    ++next;
  }
  return success();
}

template <typename T>
void topRow(const T *in, int64_t step, int64_t length, int64_t k, bool largest,
            std::vector<int64_t> &order) {
  order.resize(length);
  std::iota(order.begin(), order.end(), 0);
  auto before = [&](int64_t a, int64_t b) {
    T left = in[a * step], right = in[b * step];
    if (left != right) // the lower index first among equals
      return largest ? left > right : left < right;
    return a < b;
  };
  std::partial_sort(order.begin(), order.begin() + k, order.end(), before);
}

LogicalResult topK(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(-1));
  Shape count(1, ctx.attr("k", int64_t(0)));
  if (failed(ctx.normalizeAxis(axis, x.rank())) || (ctx.has(1) && failed(ctx.integersOf(1, count))))
    return failure();
  if (count.size() != 1 || count[0] < 0 || count[0] > x.dim(axis))
    return ctx.fail("expected k in [0, " + llvm::Twine(x.dim(axis)) + "], but got " +
                    describeShape(count));
  bool largest = ctx.attr("largest", int64_t(1));
  Shape shape(x.shape());
  shape[axis] = count[0];
  Tensor *values = ctx.allocate(0, x.type(), shape);
  Tensor *indices = values ? ctx.allocate(1, ElementType::I64, shape) : nullptr;
  if (!indices)
    return failure();
  AxisView view(x.shape(), axis);
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    ctx.pool().forRange(view.outer * view.inner, 16, [&](int64_t begin, int64_t end) {
      std::vector<int64_t> order;
      for (int64_t i = begin; i < end; ++i) {
        int64_t o = i / view.inner, inner = i % view.inner;
        const T *in = x.data<T>() + o * view.length * view.inner + inner;
        topRow(in, view.inner, view.length, count[0], largest, order);
        for (int64_t j = 0; j < count[0]; ++j) {
          int64_t at = (o * count[0] + j) * view.inner + inner;
          values->mutableData<T>()[at] = in[order[j] * view.inner];
          indices->mutableData<int64_t>()[at] = order[j];
        }
      }
    });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addGeneratorKernels(KernelRegistry &registry) {
  registry.add("ConstantOfShape", constantOfShape, 1, 1);
  registry.add("Range", range, 3, 3);
  registry.add("OneHot", oneHot, 3, 3);
  registry.add("EyeLike", eyeLike, 1, 1, keepsHalf);
  registry.add("NonZero", nonZero, 1, 1);
  registry.add("TopK", topK, 1, 2);
}
