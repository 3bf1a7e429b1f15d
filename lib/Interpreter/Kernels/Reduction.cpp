// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions over axes, ArgMax, ArgMin and CumSum.

#include "Axes.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>
#include <limits>

using namespace qllm;
using namespace qllm::interp;

namespace {

enum class Reduce { Sum, Mean, Max, Min, Prod, SumSquare, L1, L2, LogSum, LogSumExp };

template <typename T> T largestValue(bool negative) {
  using Limits = std::numeric_limits<T>;
  if constexpr (Limits::has_infinity)
    return negative ? -Limits::infinity() : Limits::infinity();
  else
    return negative ? Limits::lowest() : Limits::max();
}

template <Reduce kind, typename T> T extremeOf(const T *row, int64_t count) {
  constexpr bool isMax = kind == Reduce::Max;
  if constexpr (std::is_same_v<T, float>)
    return isMax ? vec::maximum(row, count) : vec::minimum(row, count);
  T best = largestValue<T>(isMax);
  for (int64_t i = 0; i < count; ++i)
    if (row[i] != row[i] || (isMax ? row[i] > best : row[i] < best))
      best = row[i];
  return best;
}

double logSumExp(const double *row, int64_t count) {
  double shift = extremeOf<Reduce::Max>(row, count), sum = 0;
  if (!std::isfinite(shift))
    shift = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += std::exp(row[i] - shift);
  return std::log(sum) + shift;
}

/// Sums of floats in f64, of integers in 64 bits that wrap.
template <Reduce kind, typename T> T reduceRow(const T *row, int64_t count) {
  using Wide = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;
  if constexpr (kind == Reduce::Max || kind == Reduce::Min) {
    return extremeOf<kind>(row, count);
  } else if constexpr (std::is_same_v<T, float> && (kind == Reduce::Sum || kind == Reduce::Mean)) {
    double sum = vec::sum(row, count);
    return float(kind == Reduce::Mean ? sum / double(count) : sum);
  } else if constexpr (kind == Reduce::LogSumExp) {
    std::vector<double> wide(row, row + count);
    return T(logSumExp(wide.data(), count));
  } else {
    Wide total = kind == Reduce::Prod ? 1 : 0;
    for (int64_t i = 0; i < count; ++i) {
      Wide value = Wide(row[i]);
      if constexpr (kind == Reduce::Prod)
        total *= value;
      else if constexpr (kind == Reduce::SumSquare || kind == Reduce::L2)
        total += value * value;
      else if constexpr (kind == Reduce::L1)
        total += row[i] < T(0) ? Wide(0) - value : value;
      else
        total += value;
    }
    if constexpr (kind == Reduce::Mean && std::is_integral_v<T>)
      return T(std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>(total) /
               std::max<int64_t>(count, 1));
    if constexpr (kind == Reduce::Mean)
      return T(double(total) / double(count));
    if constexpr (kind == Reduce::L2)
      return T(std::sqrt(double(total)));
    if constexpr (kind == Reduce::LogSum)
      return T(std::log(double(total)));
    return T(total);
  }
}

/// The reduced axes moved to the end, so that each result is one contiguous row.
bool rowsLast(KernelContext &ctx, const Tensor &input, const std::vector<bool> &reduced,
              Tensor &rows) {
  Shape permutation;
  for (bool last : {false, true})
    for (int64_t axis = 0; axis < input.rank(); ++axis)
      if (reduced[axis] == last)
        permutation.push_back(axis);
  return transposed(ctx, input, permutation, rows);
}

LogicalResult reducedShape(KernelContext &ctx, Shape &shape, std::vector<bool> &reduced,
                           bool &identity) {
  const Tensor &input = ctx.in(0);
  Shape axes;
  bool given;
  if (failed(readAxes(ctx, 1, input.rank(), axes, given)))
    return failure();
  identity = axes.empty() && ctx.attr("noop_with_empty_axes", int64_t(0));
  reduced.assign(input.rank(), axes.empty() && !identity);
  for (int64_t axis : axes)
    reduced[axis] = true;
  bool keep = ctx.attr("keepdims", int64_t(1));
  for (int64_t axis = 0; axis < input.rank(); ++axis) {
    if (!reduced[axis])
      shape.push_back(input.dim(axis));
    else if (keep)
      shape.push_back(1);
  }
  return success();
}

template <Reduce kind> LogicalResult reduce(KernelContext &ctx) {
  Shape shape;
  std::vector<bool> reduced;
  bool identity;
  if (failed(reducedShape(ctx, shape, reduced, identity)))
    return failure();
  // Truth values are ordered false before true.
  bool truth =
      ctx.in(0).type() == ElementType::Bool && (kind == Reduce::Max || kind == Reduce::Min);
  Tensor input = truth ? ctx.in(0).reinterpreted(ElementType::U8) : ctx.in(0);
  Tensor rows;
  // Without axes nothing is added up, but each element still passes through the formula (a square,
  // an absolute value).
  if (!rowsLast(ctx, input, reduced, rows))
    return failure();
  Tensor *out = ctx.allocate(0, ctx.in(0).type(), shape);
  if (!out)
    return failure();
  int64_t results = out->size(), length = 1;
  for (int64_t axis = 0; axis < input.rank(); ++axis)
    length *= reduced[axis] ? input.dim(axis) : 1;
  bool known = dispatchArithmetic(input.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    const T *in = rows.data<T>();
    T *to = out->mutableData<T>();
    ctx.pool().forRange(results, std::max<int64_t>(1, elementGrain / std::max<int64_t>(length, 1)),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t i = begin; i < end; ++i)
                            to[i] = reduceRow<kind>(in + i * length, length);
                        });
    if (truth && length == 0) // the identity elements of a truth value are 0 and 1
      std::fill(to, to + results, T(kind == Reduce::Min));
  });
  return known ? success() : unsupportedType(ctx, 0);
}

template <bool isMax> LogicalResult argument(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(0));
  if (failed(ctx.normalizeAxis(axis, x.rank())))
    return failure();
  bool last = ctx.attr("select_last_index", int64_t(0));
  AxisView view(x.shape(), axis);
  Shape shape(x.shape());
  if (ctx.attr("keepdims", int64_t(1)))
    shape[axis] = 1;
  else
    shape.erase(shape.begin() + axis);
  if (view.length == 0)
    return ctx.fail("expected axis " + llvm::Twine(axis) + " to have elements, but got " +
                    describe(x));
  Tensor *out = ctx.allocate(0, ElementType::I64, shape);
  if (!out)
    return failure();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    for (int64_t i = 0; i < view.outer * view.inner; ++i) {
      const T *in = x.data<T>() + i / view.inner * view.length * view.inner + i % view.inner;
      int64_t best = 0;
      for (int64_t k = 1; k < view.length; ++k) {
        T value = in[k * view.inner], held = in[best * view.inner];
        if ((isMax ? value > held : value < held) || (last && value == held))
          best = k;
      }
      out->mutableData<int64_t>()[i] = best;
    }
  });
  return known ? success() : unsupportedType(ctx, 0);
}

/// Running sums or products along an axis.
template <bool isSum> LogicalResult cumulate(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape axes;
  if (failed(ctx.integersOf(1, axes)))
    return failure();
  if (axes.size() != 1)
    return ctx.fail("expected one axis, but got " + llvm::Twine(axes.size()));
  if (failed(ctx.normalizeAxis(axes[0], x.rank())))
    return failure();
  bool exclusive = ctx.attr("exclusive", int64_t(0)), reverse = ctx.attr("reverse", int64_t(0));
  AxisView view(x.shape(), axes[0]);
  Tensor *out = ctx.allocate(0, x.type(), x.shape());
  if (!out)
    return failure();
  bool known = dispatchArithmetic(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
    for (int64_t i = 0; i < view.outer * view.inner; ++i) {
      int64_t base = i / view.inner * view.length * view.inner + i % view.inner;
      Wide total = isSum ? 0 : 1;
      for (int64_t step = 0; step < view.length; ++step) {
        int64_t at = base + (reverse ? view.length - 1 - step : step) * view.inner;
        Wide value = Wide(x.data<T>()[at]), next = isSum ? total + value : total * value;
        out->mutableData<T>()[at] = T(exclusive ? total : next);
        total = next;
      }
    }
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addReductionKernels(KernelRegistry &registry) {
  registry.add("ReduceSum", reduce<Reduce::Sum>, 1, 2);
  registry.add("ReduceMean", reduce<Reduce::Mean>, 1, 2);
  registry.add("ReduceMax", reduce<Reduce::Max>, 1, 2);
  registry.add("ReduceMin", reduce<Reduce::Min>, 1, 2);
  registry.add("ReduceProd", reduce<Reduce::Prod>, 1, 2);
  registry.add("ReduceSumSquare", reduce<Reduce::SumSquare>, 1, 2);
  registry.add("ReduceL1", reduce<Reduce::L1>, 1, 2);
  registry.add("ReduceL2", reduce<Reduce::L2>, 1, 2);
  registry.add("ReduceLogSum", reduce<Reduce::LogSum>, 1, 2);
  registry.add("ReduceLogSumExp", reduce<Reduce::LogSumExp>, 1, 2);
  registry.add("ArgMax", argument<true>, 1, 1);
  registry.add("ArgMin", argument<false>, 1, 1);
  registry.add("CumSum", cumulate<true>, 2, 2);
  registry.add("CumProd", cumulate<false>, 2, 2);
}
