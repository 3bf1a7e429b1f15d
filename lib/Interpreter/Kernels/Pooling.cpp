// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// MaxPool, AveragePool and the global ones.

#include "SlidingWindow.h"
#include <limits>

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult readWindow(KernelContext &ctx, SlidingWindow &window, Shape &shape) {
  const Tensor &x = ctx.in(0);
  if (failed(window.read(ctx, x.shape(), ctx.attrs().integers("kernel_shape").value_or(Shape()))))
    return failure();
  shape = {x.dim(0), x.dim(1)};
  shape.append(window.output);
  return success();
}

/// The index of an element as MaxPool counts it: row-major over the whole tensor, or column-major
/// within a plane.
int64_t shownIndex(const SlidingWindow &window, int64_t plane, int64_t offset, bool columnMajor) {
  int64_t base = plane * window.inputSize();
  if (!columnMajor)
    return base + offset;
  int64_t index = 0, stride = 1;
  Shape position(window.rank());
  for (int64_t d = window.rank() - 1; d >= 0; --d) {
    position[d] = offset % window.input[d];
    offset /= window.input[d];
  }
  for (int64_t d = 0; d < window.rank(); ++d) {
    index += position[d] * stride;
    stride *= window.input[d];
  }
  return base + index;
}

LogicalResult maxPool(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  SlidingWindow window;
  Shape shape;
  if (failed(readWindow(ctx, window, shape)))
    return failure();
  Tensor *out = ctx.allocate(0, x.type(), shape);
  Tensor *indices =
      out && ctx.outputCount() > 1 ? ctx.allocate(1, ElementType::I64, shape) : nullptr;
  if (!out || (ctx.outputCount() > 1 && !indices))
    return failure();
  bool columnMajor = ctx.attr("storage_order", int64_t(0));
  int64_t plane = window.inputSize(), outputs = window.outputSize();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    ctx.pool().forRange(out->size(), 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T *in = x.data<T>() + i / outputs * plane;
        T best = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                      : std::numeric_limits<T>::lowest();
        int64_t where = -1;
        window.forPlaces(i % outputs, [&](int64_t, int64_t offset) {
          if (offset >= 0 && (where < 0 || in[offset] > best || in[offset] != in[offset])) {
            best = in[offset];
            where = offset;
          }
        });
        out->mutableData<T>()[i] = best;
        if (indices)
          indices->mutableData<int64_t>()[i] =
              where < 0 ? 0 : shownIndex(window, i / outputs, where, columnMajor);
      }
    });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

LogicalResult averagePool(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  SlidingWindow window;
  Shape shape;
  Tensor *out =
      succeeded(readWindow(ctx, window, shape)) ? ctx.allocate(0, x.type(), shape) : nullptr;
  if (!out)
    return failure();
  bool countsPadding = ctx.attr("count_include_pad", int64_t(0));
  int64_t plane = window.inputSize(), outputs = window.outputSize();
  bool known = dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    ctx.pool().forRange(out->size(), 1024, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double sum = 0;
        int64_t count = 0;
        window.forPlaces(i % outputs, [&](int64_t, int64_t offset) {
          sum += offset >= 0 ? double(x.data<T>()[i / outputs * plane + offset]) : 0.0;
          count += offset >= 0 || countsPadding;
        });
        out->mutableData<T>()[i] = T(sum / double(count));
      }
    });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

template <bool isMax> LogicalResult globalPool(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (x.rank() < 3)
    return ctx.fail("expected at least three dimensions, but got " + describe(x));
  Shape shape(x.rank(), 1);
  shape[0] = x.dim(0);
  shape[1] = x.dim(1);
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  int64_t plane = out->size() ? x.size() / out->size() : 0;
  bool known = dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    for (int64_t i = 0; i < out->size(); ++i) {
      const T *in = x.data<T>() + i * plane;
      double total = isMax ? -std::numeric_limits<double>::infinity() : 0;
      for (int64_t k = 0; k < plane; ++k)
        total = isMax ? std::max(total, double(in[k])) : total + double(in[k]);
      out->mutableData<T>()[i] = T(isMax ? total : total / double(plane));
    }
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addPoolingKernels(KernelRegistry &registry) {
  registry.add("MaxPool", maxPool, 1, 1);
  registry.add("AveragePool", averagePool, 1, 1);
  registry.add("GlobalAveragePool", globalPool<false>, 1, 1);
  registry.add("GlobalMaxPool", globalPool<true>, 1, 1);
}
