// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Operators that only change or tell the shape.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include <random>

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

/// Whether the operator is told to train, and the ratio it then drops.
LogicalResult readTraining(KernelContext &ctx, double &ratio) {
  ratio = 0;
  bool training = ctx.has(2) && ctx.in(2).type() == ElementType::Bool && ctx.in(2).size() == 1 &&
                  ctx.in(2).data<uint8_t>()[0];
  if (!training)
    return success();
  ratio = 0.5;
  if (!ctx.has(1))
    return success();
  llvm::Expected<Tensor> given = cast(ctx.in(1), ElementType::F64);
  if (!given)
    return ctx.fail(given.takeError());
  if (given->size() != 1 || !(*given->data<double>() >= 0 && *given->data<double>() < 1))
    return ctx.fail("expected a ratio in [0, 1), but got " + describe(ctx.in(1)));
  ratio = *given->data<double>();
  return success();
}

/// The identity, unless told to train: then a random mask, which must be seeded to be reproducible.
/// The generator is the Mersenne Twister with 53-bit fractions, as in ONNX's reference
/// implementation.
LogicalResult dropout(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  double ratio;
  if (failed(readTraining(ctx, ratio)))
    return failure();
  std::optional<int64_t> seed = ctx.attrs().integer("seed");
  if (ratio > 0 && !seed)
    return ctx.fail("expected a seed for training mode with a ratio above 0");
  Tensor mask;
  if (!ctx.temporary(mask, ElementType::Bool, x.shape()))
    return failure();
  std::mt19937 generator(uint32_t(seed.value_or(0)));
  for (int64_t i = 0; i < mask.size(); ++i) {
    double high = 0, low = 0;
    if (ratio > 0) {
      high = generator() >> 5;
      low = generator() >> 6;
    }
    mask.mutableData<uint8_t>()[i] =
        ratio == 0 || (high * 67108864.0 + low) / 9007199254740992.0 >= ratio;
  }
  if (ctx.outputCount() > 1)
    ctx.set(1, mask);
  Tensor *out = ratio > 0 ? ctx.allocate(0, x.type(), x.shape()) : nullptr;
  if (ratio == 0)
    return identity(ctx);
  bool known = out && dispatchFloat(x.type(), [&](auto tag) {
                 using T = TypeIn<decltype(tag)>;
                 for (int64_t i = 0; i < x.size(); ++i)
                   out->mutableData<T>()[i] =
                       mask.data<uint8_t>()[i] ? T(x.data<T>()[i] * T(1 / (1 - ratio))) : T(0);
               });
  return known ? success() : unsupportedType(ctx, 0);
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
