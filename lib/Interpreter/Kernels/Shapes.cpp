// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that only change or tell the shape.

#include "Axes.h"
#include "llvm/ADT/SmallSet.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

LogicalResult reshape(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape shape;
  if (ctx.has(1)) {
    if (failed(ctx.integersOf(1, shape)))
      return failure();
  } else {
    shape = ctx.attrs().integers("shape").value_or(Shape());
  }
  bool zeroIsZero = ctx.attr("allowzero", int64_t(0));
  int64_t known = 1, inferred = -1;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim == 0 && !zeroIsZero && int64_t(i) < x.rank())
      dim = x.dim(i);
    if (dim == -1 && inferred < 0)
      inferred = int64_t(i);
    else if (dim < 0)
      return ctx.fail("expected dimensions of at least 0 and at most one -1, but got " +
                      describeShape(shape));
    else if (llvm::MulOverflow(known, dim, known))
      return ctx.fail("expected a representable shape, but got " + describeShape(shape));
  }
  if (inferred >= 0)
    shape[inferred] = known ? x.size() / known : 0;
  if (elementCount(shape) != x.size())
    return ctx.fail("expected a shape of " + llvm::Twine(x.size()) + " elements for " +
                    describe(x) + ", but got " + describeShape(shape));
  ctx.set(0, x.reshaped(shape));
  return success();
}

LogicalResult squeeze(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape axes, shape;
  bool given;
  if (failed(readAxes(ctx, 1, x.rank(), axes, given)))
    return failure();
  for (int64_t axis : axes)
    if (x.dim(axis) != 1)
      return ctx.fail("expected dimension " + llvm::Twine(axis) + " to be 1, but got " +
                      describe(x));
  for (int64_t axis = 0; axis < x.rank(); ++axis)
    if (given ? !llvm::is_contained(axes, axis) : x.dim(axis) != 1)
      shape.push_back(x.dim(axis));
  ctx.set(0, x.reshaped(shape));
  return success();
}

LogicalResult unsqueeze(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  Shape axes;
  bool given;
  // Axes count in the result, whose rank is known once their number is.
  if (ctx.has(1) && failed(ctx.integersOf(1, axes)))
    return failure();
  if (!ctx.has(1))
    axes = ctx.attrs().integers("axes").value_or(Shape());
  int64_t rank = x.rank() + int64_t(axes.size());
  if (failed(readAxes(ctx, 1, rank, axes, given)))
    return failure();
  Shape shape(rank, 0);
  for (int64_t axis : axes) {
    if (shape[axis] == 1)
      return ctx.fail("expected distinct axes, but got axis " + llvm::Twine(axis) + " twice");
    shape[axis] = 1;
  }
  int64_t next = 0;
  for (int64_t axis = 0; axis < rank; ++axis)
    if (!llvm::is_contained(axes, axis))
      shape[axis] = x.dim(next++);
  ctx.set(0, x.reshaped(shape));
  return success();
}

LogicalResult flatten(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(1));
  if (axis < -x.rank() || axis > x.rank())
    return ctx.fail("expected an axis in [" + llvm::Twine(-x.rank()) + ", " +
                    llvm::Twine(x.rank()) + "], but got " + llvm::Twine(axis));
  if (axis < 0)
    axis += x.rank();
  int64_t rows = 1, columns = 1;
  for (int64_t i = 0; i < x.rank(); ++i)
    (i < axis ? rows : columns) *= x.dim(i);
  ctx.set(0, x.reshaped({rows, columns}));
  return success();
}

LogicalResult shapeOf(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  auto clamp = [&](int64_t axis) {
    return std::clamp<int64_t>(axis < 0 ? axis + x.rank() : axis, 0, x.rank());
  };
  int64_t start = clamp(ctx.attr("start", int64_t(0))), end = clamp(ctx.attr("end", x.rank()));
  llvm::ArrayRef<int64_t> dims = x.shape().slice(start, std::max<int64_t>(0, end - start));
  ctx.set(0, Tensor::of<int64_t>({int64_t(dims.size())}, dims));
  return success();
}

LogicalResult sizeOf(KernelContext &ctx) {
  ctx.set(0, Tensor::scalar<int64_t>(ctx.in(0).size()));
  return success();
}

LogicalResult identity(KernelContext &ctx) {
  ctx.set(0, ctx.value(0));
  return success();
}

/// At inference; the mask is all true.
LogicalResult dropout(KernelContext &ctx) {
  if (ctx.has(2) && ctx.in(2).type() == ElementType::Bool && ctx.in(2).size() == 1 &&
      ctx.in(2).data<uint8_t>()[0]) {
    bool keepsAll = ctx.has(1) && ctx.in(1).size() == 1 && ctx.in(1).type() == ElementType::F32 &&
                    ctx.in(1).data<float>()[0] == 0;
    if (!keepsAll)
      return ctx.fail(
          "training mode with a ratio above 0 draws random numbers and is not supported");
  }
  if (ctx.outputCount() > 1) {
    Tensor *mask = ctx.allocate(1, ElementType::Bool, ctx.in(0).shape());
    if (!mask)
      return failure();
    std::fill_n(mask->mutableData<uint8_t>(), mask->size(), 1);
  }
  return identity(ctx);
}

} // namespace

void interp::addShapeKernels(KernelRegistry &registry) {
  registry.add("Reshape", reshape, 1, 2, keepsHalf);
  registry.add("Squeeze", squeeze, 1, 2, keepsHalf);
  registry.add("Unsqueeze", unsqueeze, 1, 2, keepsHalf);
  registry.add("Flatten", flatten, 1, 1, keepsHalf);
  registry.add("Shape", shapeOf, 1, 1, keepsHalf);
  registry.add("Size", sizeOf, 1, 1, keepsHalf);
  registry.add("Identity", identity, 1, 1, keepsHalf | anyValue);
  registry.add("Dropout", dropout, 1, 3);
}
