// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Softmax, LogSoftmax and Hardmax.

#include "Axes.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>
#include <limits>

using namespace qllm;
using namespace qllm::interp;

namespace {

template <typename T> void softmaxRow(const T *in, T *out, int64_t count) {
  T most = -std::numeric_limits<T>::infinity(), total = 0;
  for (int64_t i = 0; i < count; ++i)
    most = in[i] > most || in[i] != in[i] ? in[i] : most;
  for (int64_t i = 0; i < count; ++i)
    total += out[i] = std::exp(in[i] - most);
  for (int64_t i = 0; i < count; ++i)
    out[i] /= total;
}
template <> void softmaxRow(const float *in, float *out, int64_t count) {
  vec::softmaxRow(in, out, count);
}

template <typename T> void logSoftmaxRow(const T *in, T *out, int64_t count) {
  T most = *std::max_element(in, in + count);
  double total = 0;
  for (int64_t i = 0; i < count; ++i)
    total += std::exp(double(in[i] - most));
  T shift = T(std::log(total));
  for (int64_t i = 0; i < count; ++i)
    out[i] = in[i] - most - shift;
}

template <typename T> void hardmaxRow(const T *in, T *out, int64_t count) {
  int64_t best = std::max_element(in, in + count) - in;
  std::fill(out, out + count, T(0));
  out[best] = 1;
}

/// Rows along one axis; before opset 13 all axes from it on form the row.
template <typename Row> LogicalResult alongAxis(KernelContext &ctx, Row row) {
  Tensor x = ctx.in(0);
  Shape shape(x.shape());
  bool flattens = ctx.opset() < 13;
  int64_t axis = ctx.attr("axis", int64_t(flattens ? 1 : -1));
  if (x.rank() == 0) {
    x = x.reshaped({1});
    axis = 0;
  }
  if (failed(ctx.normalizeAxis(axis, x.rank())))
    return failure();
  if (x.size() == 0) {
    ctx.set(0, x.reshaped(shape));
    return success();
  }
  AxisView view(x.shape(), axis);
  if (flattens) {
    view.length *= view.inner;
    view.inner = 1;
  }
  // Rows that are not contiguous are brought together and put back.
  Tensor rows = x, result;
  if (view.inner != 1 &&
      !transposed(ctx, x.reshaped({view.outer, view.length, view.inner}), {0, 2, 1}, rows))
    return failure();
  Tensor *out =
      view.inner == 1 ? ctx.allocateOver(0, 0, x.type(), shape) : ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  bool known = dispatchFloat(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    ctx.pool().forRange(view.outer * view.inner,
                        std::max<int64_t>(1, elementGrain / 4 / view.length),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i)
                            row(rows.data<T>() + i * view.length,
                                out->mutableData<T>() + i * view.length, view.length);
                        });
  });
  if (!known)
    return unsupportedType(ctx, 0);
  if (view.inner != 1) {
    if (!transposed(ctx, out->reshaped({view.outer, view.inner, view.length}), {0, 2, 1}, result))
      return failure();
    ctx.set(0, result.reshaped(shape));
  }
  return success();
}

} // namespace

void interp::addSoftmaxKernels(KernelRegistry &registry) {
  registry.add(
      "Softmax",
      [](KernelContext &ctx) {
        return alongAxis(ctx,
                         [](auto *in, auto *out, int64_t count) { softmaxRow(in, out, count); });
      },
      1, 1);
  registry.add(
      "LogSoftmax",
      [](KernelContext &ctx) {
        return alongAxis(ctx,
                         [](auto *in, auto *out, int64_t count) { logSoftmaxRow(in, out, count); });
      },
      1, 1);
  registry.add(
      "Hardmax",
      [](KernelContext &ctx) {
        return alongAxis(ctx,
                         [](auto *in, auto *out, int64_t count) { hardmaxRow(in, out, count); });
      },
      1, 1);
}
