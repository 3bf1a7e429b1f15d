// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Pad and Trilu.

#include "Axes.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

enum class PadMode { Constant, Edge, Reflect, Wrap };

/// The position in an axis of `length` that a padded position repeats, or -1 for the constant.
int64_t sourcePosition(int64_t position, int64_t length, PadMode mode) {
  if (position >= 0 && position < length)
    return position;
  switch (mode) {
  case PadMode::Constant:
    return -1;
  case PadMode::Edge:
    return position < 0 ? 0 : length - 1;
  case PadMode::Wrap:
    return (position % length + length) % length;
  case PadMode::Reflect: {
    int64_t period = std::max<int64_t>(1, 2 * (length - 1));
    position = (position % period + period) % period;
    return position < length ? position : period - position;
  }
  }
  return -1;
}

LogicalResult readMode(KernelContext &ctx, PadMode &mode) {
  std::string name = ctx.attr("mode", "constant");
  if (name == "constant")
    mode = PadMode::Constant;
  else if (name == "edge")
    mode = PadMode::Edge;
  else if (name == "reflect")
    mode = PadMode::Reflect;
  else if (name == "wrap")
    mode = PadMode::Wrap;
  else
    return ctx.fail("expected mode constant, edge, reflect or wrap, but got '" + name + "'");
  return success();
}

LogicalResult readPads(KernelContext &ctx, Shape &before, Shape &after) {
  int64_t rank = ctx.in(0).rank();
  Shape pads, axes;
  if (ctx.has(1)) {
    if (failed(ctx.integersOf(1, pads)))
      return failure();
  } else {
    pads =
        ctx.attrs().integers("pads").value_or(ctx.attrs().integers("paddings").value_or(Shape()));
  }
  bool given;
  if (failed(readAxes(ctx, 3, rank, axes, given)))
    return failure();
  if (!given)
    for (int64_t axis = 0; axis < rank; ++axis)
      axes.push_back(axis);
  if (pads.size() != 2 * axes.size())
    return ctx.fail("expected " + llvm::Twine(2 * axes.size()) + " pads, but got " +
                    llvm::Twine(pads.size()));
  before.assign(rank, 0);
  after.assign(rank, 0);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    before[axis] = pads[i];
    after[axis] = pads[axes.size() + i];
  }
  return success();
}

LogicalResult pad(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  PadMode mode;
  Shape before, after, shape(x.shape());
  if (failed(readMode(ctx, mode)) || failed(readPads(ctx, before, after)))
    return failure();
  constexpr int64_t most = int64_t(1) << 40;
  for (int64_t axis = 0; axis < x.rank(); ++axis) {
    if (std::max(std::abs(before[axis]), std::abs(after[axis])) > most)
      return ctx.fail("expected pads of a sensible size, but got " + llvm::Twine(before[axis]) +
                      " and " + llvm::Twine(after[axis]));
    shape[axis] += before[axis] + after[axis];
    if (shape[axis] < 0 || (x.dim(axis) == 0 && shape[axis] > 0 && mode != PadMode::Constant))
      return ctx.fail("expected pads that fit axis " + llvm::Twine(axis) + " of " + describe(x));
  }
  Tensor fill;
  if (ctx.has(2) && (ctx.in(2).size() != 1 || ctx.in(2).type() != x.type()))
    return ctx.fail("expected a scalar of the input's type as the pad value, but got " +
                    describe(ctx.in(2)));
  if (!ctx.has(2)) {
    if (!ctx.temporary(fill, x.type(), {}))
      return failure();
    if (x.type() != ElementType::String)
      std::memset(fill.rawMutableData(), 0, fill.byteSize());
    if (double value = ctx.attr("value", 0.0);
        x.type() == ElementType::F32) // an attribute before opset 11
      *fill.mutableData<float>() = float(value);
  } else {
    fill = ctx.in(2);
  }
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  Shape strides = stridesOf(x.shape());
  int64_t columns = shape.empty() ? 1 : shape.back(), rows = columns ? out->size() / columns : 0;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t from = 0, rest = row;
    bool inside = true;
    for (int64_t d = x.rank() - 2; d >= 0; --d) {
      int64_t source = sourcePosition(rest % shape[d] - before[d], x.dim(d), mode);
      inside = inside && source >= 0;
      from += source * strides[d];
      rest /= shape[d];
    }
    for (int64_t column = 0; column < columns; ++column) {
      int64_t source =
          shape.empty() ? 0 : sourcePosition(column - before.back(), x.dim(x.rank() - 1), mode);
      bool copy = inside && source >= 0;
      copyElements(*out, row * columns + column, copy ? x : fill, copy ? from + source : 0, 1);
    }
  }
  return success();
}

LogicalResult trilu(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  if (x.rank() < 2)
    return ctx.fail("expected at least two dimensions, but got " + describe(x));
  Shape diagonal(1, 0);
  if (ctx.has(1) && (failed(ctx.integersOf(1, diagonal)) || diagonal.size() != 1))
    return ctx.fail("expected one diagonal");
  bool upper = ctx.attr("upper", int64_t(1));
  Tensor *out = ctx.allocate(0, x.type(), x.shape());
  if (!out)
    return failure();
  int64_t rows = x.dim(x.rank() - 2), columns = x.dim(x.rank() - 1);
  int64_t shift = std::clamp<int64_t>(diagonal[0], -rows, columns);
  bool known = dispatchStorage(x.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    int64_t lines = columns ? x.size() / columns : 0;
    ctx.pool().forRange(lines, std::max<int64_t>(1, elementGrain / std::max<int64_t>(1, columns)),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t line = begin; line < end; ++line)
                            for (int64_t column = 0; column < columns; ++column) {
                              int64_t at = line * columns + column, row = line % rows;
                              bool keep = upper ? column >= row + shift : column <= row + shift;
                              out->mutableData<T>()[at] = keep ? x.data<T>()[at] : T();
                            }
                        });
  });
  return known ? success() : unsupportedType(ctx, 0);
}

} // namespace

void interp::addPaddingKernels(KernelRegistry &registry) {
  registry.add("Pad", pad, 1, 4, keepsHalf);
  registry.add("Trilu", trilu, 1, 2, keepsHalf);
}
