// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that move elements without looking at them.

#include "Axes.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult transpose(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape permutation;
  if (std::optional<Shape> given = ctx.attrs().integers("perm")) {
    permutation = *given;
  } else {
    for (int64_t axis = x.rank() - 1; axis >= 0; --axis)
      permutation.push_back(axis);
  }
  std::vector<bool> seen(x.rank(), false);
  bool valid = int64_t(permutation.size()) == x.rank();
  for (int64_t axis : permutation) {
    valid = valid && axis >= 0 && axis < x.rank() && !seen[axis];
    if (!valid)
      break;
    seen[axis] = true;
  }
  if (!valid)
    return ctx.fail("expected a permutation of " + llvm::Twine(x.rank()) + " axes, but got " +
                    describeShape(permutation));
  Tensor result;
  if (!transposed(ctx, x, permutation, result))
    return failure();
  ctx.set(0, result);
  return success();
}

LogicalResult concat(KernelContext &ctx) {
  Shape shape(ctx.in(0).shape());
  int64_t axis = ctx.attr("axis", int64_t(0));
  if (failed(ctx.normalizeAxis(axis, int64_t(shape.size()))))
    return failure();
  shape[axis] = 0;
  for (unsigned i = 0; i < ctx.inputCount(); ++i) {
    if (!ctx.has(i))
      return ctx.fail("expected every operand to be given");
    const Tensor &x = ctx.in(i);
    bool fits = x.rank() == int64_t(shape.size()) && x.type() == ctx.in(0).type();
    for (int64_t d = 0; fits && d < x.rank(); ++d)
      fits = d == axis || x.dim(d) == shape[d];
    if (!fits)
      return ctx.fail("expected operands that differ on axis " + llvm::Twine(axis) +
                      " only, but got " + describe(ctx.in(0)) + " and " + describe(x));
    shape[axis] += x.dim(axis);
  }
  Tensor *out = ctx.allocate(0, ctx.in(0).type(), shape);
  if (!out)
    return failure();
  AxisView whole(shape, axis);
  int64_t done = 0;
  for (unsigned i = 0; i < ctx.inputCount(); ++i) {
    const Tensor &x = ctx.in(i);
    int64_t run = x.dim(axis) * whole.inner;
    ctx.pool().forRange(whole.outer, std::max<int64_t>(1, elementGrain / std::max<int64_t>(run, 1)),
                        [&](int64_t begin, int64_t end) {
                          for (int64_t o = begin; o < end; ++o)
                            copyElements(*out, o * whole.length * whole.inner + done, x, o * run,
                                         run);
                        });
    done += run;
  }
  return success();
}

LogicalResult split(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(0)), pieces = ctx.outputCount();
  if (failed(ctx.normalizeAxis(axis, x.rank())))
    return failure();
  Shape lengths;
  if (ctx.has(1)) {
    if (failed(ctx.integersOf(1, lengths)))
      return failure();
  } else if (std::optional<Shape> given = ctx.attrs().integers("split")) {
    lengths = *given;
  } else {
    int64_t length = (x.dim(axis) + pieces - 1) / std::max<int64_t>(pieces, 1), left = x.dim(axis);
    for (int64_t i = 0; i < pieces; ++i, left -= length)
      lengths.push_back(std::clamp<int64_t>(left, 0, length));
  }
  int64_t total = 0;
  bool valid = int64_t(lengths.size()) == pieces;
  for (int64_t length : lengths) {
    valid = valid && length >= 0 && length <= x.dim(axis) - total;
    if (valid)
      total += length;
  }
  if (!valid || total != x.dim(axis))
    return ctx.fail("expected " + llvm::Twine(pieces) + " lengths that add up to " +
                    llvm::Twine(x.dim(axis)) + ", but got " + describeShape(lengths));
  AxisView view(x.shape(), axis);
  int64_t done = 0;
  for (auto [i, length] : llvm::enumerate(lengths)) {
    Shape shape(x.shape());
    shape[axis] = length;
    Tensor *out = ctx.allocate(i, x.type(), shape);
    if (!out)
      return failure();
    for (int64_t o = 0; o < view.outer; ++o)
      copyElements(*out, o * length * view.inner, x, (o * view.length + done) * view.inner,
                   length * view.inner);
    done += length;
  }
  return success();
}

/// Copies a strided box of the input: element index -> start + index * step on every axis.
LogicalResult copyBox(KernelContext &ctx, const Tensor &x, llvm::ArrayRef<int64_t> start,
                      llvm::ArrayRef<int64_t> step, llvm::ArrayRef<int64_t> shape) {
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  if (out->size() == 0)
    return success();
  Shape strides = stridesOf(x.shape());
  // Trailing axes taken whole join into one run.
  int64_t axis = x.rank(), run = 1;
  while (axis > 0 && start[axis - 1] == 0 && step[axis - 1] == 1 &&
         shape[axis - 1] == x.dim(axis - 1))
    run *= shape[--axis];
  if (axis > 0 && step[axis - 1] == 1)
    run *= shape[--axis];
  int64_t base = 0;
  for (int64_t d = 0; d < x.rank(); ++d)
    base += start[d] * strides[d];
  ctx.pool().forRange(out->size() / run, std::max<int64_t>(1, elementGrain / run),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t row = begin; row < end; ++row) {
                          int64_t from = base, rest = row;
                          for (int64_t d = axis - 1; d >= 0; --d) {
                            from += rest % shape[d] * step[d] * strides[d];
                            rest /= shape[d];
                          }
                          copyElements(*out, row * run, x, from, run);
                        }
                      });
  return success();
}

struct SliceRange {
  int64_t start, step, count;
};

/// ONNX's rules: negative positions count from the end, then clamp to the axis.
SliceRange sliceRange(int64_t start, int64_t end, int64_t step, int64_t length) {
  bool forward = step > 0;
  auto place = [&](int64_t position) {
    if (position < 0) // far below the axis is just below it
      position = std::max(position, -length - 1) + length;
    return forward ? std::clamp<int64_t>(position, 0, length)
                   : std::clamp<int64_t>(position, -1, length - 1);
  };
  int64_t from = place(start), to = place(end);
  int64_t distance = forward ? to - from : from - to;
  uint64_t stride = forward ? uint64_t(step) : uint64_t(0) - uint64_t(step);
  return {from, step, distance > 0 ? int64_t(uint64_t(distance - 1) / stride) + 1 : 0};
}

LogicalResult slice(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape starts, ends, axes, steps;
  if (ctx.has(1)) {
    if (!ctx.has(2) || failed(ctx.integersOf(1, starts)) || failed(ctx.integersOf(2, ends)))
      return ctx.fail("expected starts and ends");
  } else {
    starts = ctx.attrs().integers("starts").value_or(Shape());
    ends = ctx.attrs().integers("ends").value_or(Shape());
  }
  bool given = false;
  if (failed(readAxes(ctx, 3, x.rank(), axes, given)) ||
      (ctx.has(4) && failed(ctx.integersOf(4, steps))))
    return failure();
  if (!given)
    for (int64_t axis = 0; axis < int64_t(starts.size()); ++axis)
      axes.push_back(axis);
  if (!ctx.has(4))
    steps.assign(starts.size(), 1);
  if (starts.size() != ends.size() || starts.size() != axes.size() ||
      starts.size() != steps.size() || int64_t(axes.size()) > x.rank())
    return ctx.fail("expected starts, ends, axes and steps of one length up to the rank, but got " +
                    llvm::Twine(starts.size()) + ", " + llvm::Twine(ends.size()) + ", " +
                    llvm::Twine(axes.size()) + " and " + llvm::Twine(steps.size()));
  Shape from(x.rank(), 0), by(x.rank(), 1), shape(x.shape());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    if (steps[i] == 0)
      return ctx.fail("expected steps other than 0, but got 0 for axis " + llvm::Twine(axis));
    SliceRange range = sliceRange(starts[i], ends[i], steps[i], x.dim(axis));
    from[axis] = range.start;
    by[axis] = range.step;
    shape[axis] = range.count;
  }
  return copyBox(ctx, x, from, by, shape);
}

/// Expand, and Tile with whole copies: out[i] = x[i mod size] on every axis.
LogicalResult repeat(KernelContext &ctx, llvm::ArrayRef<int64_t> shape) {
  const Tensor &x = ctx.in(0);
  Shape own(shape.size() - x.rank(), 1);
  own.append(x.shape().begin(), x.shape().end());
  if (own == Shape(shape)) {
    ctx.set(0, x.reshaped(shape));
    return success();
  }
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out || out->size() == 0)
    return out ? success() : failure();
  Shape strides = stridesOf(own);
  // The innermost axes that are not repeated form one run.
  int64_t axis = int64_t(shape.size()), run = 1;
  while (axis > 0 && own[axis - 1] == shape[axis - 1])
    run *= shape[--axis];
  ctx.pool().forRange(out->size() / run, std::max<int64_t>(1, elementGrain / run),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t row = begin; row < end; ++row) {
                          int64_t from = 0, rest = row;
                          for (int64_t d = axis - 1; d >= 0; --d) {
                            from += rest % shape[d] % own[d] * strides[d];
                            rest /= shape[d];
                          }
                          copyElements(*out, row * run, x, from, run);
                        }
                      });
  return success();
}

LogicalResult expand(KernelContext &ctx) {
  Shape wanted;
  if (failed(ctx.integersOf(1, wanted)))
    return failure();
  for (int64_t dim : wanted)
    if (dim < 0)
      return ctx.fail("expected dimensions of at least 0, but got " + describeShape(wanted));
  std::optional<Shape> shape = broadcastShape({ctx.in(0).shape(), wanted});
  if (!shape)
    return ctx.fail("expected a shape that " + describe(ctx.in(0)) + " broadcasts with, but got " +
                    describeShape(wanted));
  return repeat(ctx, *shape);
}

LogicalResult tile(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape repeats, shape(x.shape());
  if (failed(ctx.integersOf(1, repeats)))
    return failure();
  if (int64_t(repeats.size()) != x.rank())
    return ctx.fail("expected " + llvm::Twine(x.rank()) + " repeats, but got " +
                    llvm::Twine(repeats.size()));
  for (auto [i, times] : llvm::enumerate(repeats))
    if (times < 0 || llvm::MulOverflow(shape[i], times, shape[i]))
      return ctx.fail("expected repeats of at least 0 that give a representable shape, but got " +
                      llvm::Twine(times));
  return repeat(ctx, shape);
}

/// Both orders of blocks: a reshape, a transposition, a reshape.
LogicalResult rearrangeBlocks(KernelContext &ctx, llvm::ArrayRef<int64_t> split,
                              llvm::ArrayRef<int64_t> permutation, llvm::ArrayRef<int64_t> shape) {
  Tensor result;
  if (!transposed(ctx, ctx.in(0).reshaped(split), permutation, result))
    return failure();
  ctx.set(0, result.reshaped(shape));
  return success();
}

LogicalResult depthToSpace(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t b = ctx.attr("blocksize", int64_t(0));
  if (x.rank() != 4 || b <= 0 || b > 65535 || x.dim(1) % (b * b) != 0)
    return ctx.fail("expected four dimensions and channels in whole blocks, but got " +
                    describe(x) + " and block size " + llvm::Twine(b));
  int64_t n = x.dim(0), c = x.dim(1) / (b * b), h = x.dim(2), w = x.dim(3);
  if (ctx.attr("mode", "DCR") == "DCR")
    return rearrangeBlocks(ctx, {n, b, b, c, h, w}, {0, 3, 4, 1, 5, 2}, {n, c, h * b, w * b});
  return rearrangeBlocks(ctx, {n, c, b, b, h, w}, {0, 1, 4, 2, 5, 3}, {n, c, h * b, w * b});
}

LogicalResult spaceToDepth(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t b = ctx.attr("blocksize", int64_t(0));
  if (x.rank() != 4 || b <= 0 || b > 65535 || x.dim(2) % b != 0 || x.dim(3) % b != 0)
    return ctx.fail("expected four dimensions, the last two in whole blocks, but got " +
                    describe(x) + " and block size " + llvm::Twine(b));
  int64_t n = x.dim(0), c = x.dim(1), h = x.dim(2) / b, w = x.dim(3) / b;
  if (ctx.attr("mode", "DCR") == "CRD")
    return rearrangeBlocks(ctx, {n, c, h, b, w, b}, {0, 1, 3, 5, 2, 4}, {n, c * b * b, h, w});
  return rearrangeBlocks(ctx, {n, c, h, b, w, b}, {0, 3, 5, 1, 2, 4}, {n, c * b * b, h, w});
}

} // namespace

void interp::addMovementKernels(KernelRegistry &registry) {
  registry.add("Transpose", transpose, 1, 1, keepsHalf);
  registry.add("Concat", concat, 1, KernelRegistry::variadic, keepsHalf);
  registry.add("Split", split, 1, 2, keepsHalf);
  registry.add("Slice", slice, 1, 5, keepsHalf);
  registry.add("Expand", expand, 2, 2, keepsHalf);
  registry.add("Tile", tile, 2, 2, keepsHalf);
  registry.add("DepthToSpace", depthToSpace, 1, 1, keepsHalf);
  registry.add("SpaceToDepth", spaceToDepth, 1, 1, keepsHalf);
}
