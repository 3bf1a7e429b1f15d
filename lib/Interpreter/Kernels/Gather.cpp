// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Gather, GatherElements, GatherND and their inverses, the scatters.

#include "Axes.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// The index operand as i64 with negative values resolved; `limits` gives the axis length for each
/// position of the last dimension, or one for all.
LogicalResult readIndices(KernelContext &ctx, unsigned operand, llvm::ArrayRef<int64_t> limits,
                          Tensor &indices) {
  const Tensor &given = ctx.in(operand);
  if (given.type() != ElementType::I64 && given.type() != ElementType::I32)
    return ctx.fail("expected operand " + llvm::Twine(operand) + " to be i32 or i64, but got " +
                    describe(given));
  if (!ctx.temporary(indices, ElementType::I64, given.shape()))
    return failure();
  for (int64_t i = 0; i < given.size(); ++i) {
    int64_t limit = limits[i % int64_t(limits.size())];
    int64_t index =
        given.type() == ElementType::I64 ? given.data<int64_t>()[i] : given.data<int32_t>()[i];
    if (index < -limit || index >= limit)
      return ctx.fail("expected an index in [" + llvm::Twine(-limit) + ", " + llvm::Twine(limit) +
                      "), but got " + llvm::Twine(index) + " at position " + llvm::Twine(i));
    indices.mutableData<int64_t>()[i] = index < 0 ? index + limit : index;
  }
  return success();
}

LogicalResult gather(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(0));
  Tensor indices;
  if (failed(ctx.normalizeAxis(axis, x.rank())) ||
      failed(readIndices(ctx, 1, x.dim(axis), indices)))
    return failure();
  Shape shape(x.shape().take_front(axis));
  shape.append(indices.shape().begin(), indices.shape().end());
  shape.append(x.shape().begin() + axis + 1, x.shape().end());
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out || out->size() == 0)
    return out ? success() : failure();
  AxisView view(x.shape(), axis);
  int64_t count = indices.size();
  ctx.pool().forRange(view.outer * count, std::max<int64_t>(1, elementGrain / view.inner),
                      [&](int64_t begin, int64_t end) {
                        for (int64_t i = begin; i < end; ++i) {
                          int64_t from =
                              i / count * view.length + indices.data<int64_t>()[i % count];
                          copyElements(*out, i * view.inner, x, from * view.inner, view.inner);
                        }
                      });
  return success();
}

/// Where element i of an index tensor points in `x`: its own position, with the index on `axis`.
int64_t elementOffset(int64_t i, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> strides,
                      int64_t axis, int64_t index) {
  int64_t offset = 0;
  for (int64_t d = int64_t(shape.size()) - 1; d >= 0; --d) {
    offset += (d == axis ? index : i % shape[d]) * strides[d];
    i /= shape[d];
  }
  return offset;
}

LogicalResult checkElementIndices(KernelContext &ctx, int64_t axis) {
  const Tensor &x = ctx.in(0), &indices = ctx.in(1);
  bool fits = indices.rank() == x.rank();
  for (int64_t d = 0; fits && d < x.rank(); ++d)
    fits = d == axis || indices.dim(d) <= x.dim(d);
  if (!fits)
    return ctx.fail("expected indices within " + describe(x) + " on all axes but " +
                    llvm::Twine(axis) + ", but got " + describe(indices));
  return success();
}

LogicalResult gatherElements(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  int64_t axis = ctx.attr("axis", int64_t(0));
  Tensor indices;
  if (failed(ctx.normalizeAxis(axis, x.rank())) || failed(checkElementIndices(ctx, axis)) ||
      failed(readIndices(ctx, 1, x.dim(axis), indices)))
    return failure();
  Tensor *out = ctx.allocate(0, x.type(), indices.shape());
  if (!out)
    return failure();
  Shape strides = stridesOf(x.shape());
  for (int64_t i = 0; i < indices.size(); ++i)
    copyElements(*out, i, x,
                 elementOffset(i, indices.shape(), strides, axis, indices.data<int64_t>()[i]), 1);
  return success();
}

/// The slices that GatherND and ScatterND name: index tuples of `width` after `batch` shared axes.
struct SliceIndex {
  Tensor indices;
  int64_t batch = 0, width = 0, slices = 0, sliceSize = 1;
  Shape strides;
  int64_t batchSlices = 0, batchStride = 0;

  int64_t offset(int64_t slice) const {
    int64_t at = batch ? slice / batchSlices * batchStride : 0;
    for (int64_t k = 0; k < width; ++k)
      at += indices.data<int64_t>()[slice * width + k] * strides[batch + k];
    return at;
  }
};

LogicalResult readSliceIndex(KernelContext &ctx, int64_t batch, SliceIndex &result) {
  const Tensor &x = ctx.in(0), &given = ctx.in(1);
  int64_t width = given.rank() ? given.dim(given.rank() - 1) : 0;
  bool fits = given.rank() > 0 && batch >= 0 && batch < given.rank() && width >= 1 &&
              batch + width <= x.rank();
  for (int64_t d = 0; fits && d < batch; ++d)
    fits = given.dim(d) == x.dim(d);
  if (!fits)
    return ctx.fail("expected index tuples of at most " + llvm::Twine(x.rank()) + " axes after " +
                    llvm::Twine(batch) + " common ones, but got " + describe(given) + " for " +
                    describe(x));
  if (failed(readIndices(ctx, 1, x.shape().slice(batch, width), result.indices)))
    return failure();
  result.batch = batch;
  result.width = width;
  result.slices = given.size() / width;
  result.strides = stridesOf(x.shape());
  result.sliceSize = result.strides[batch + width - 1];
  int64_t batches = 1;
  for (int64_t d = 0; d < batch; ++d)
    batches *= x.dim(d);
  result.batchSlices = batches ? std::max<int64_t>(1, result.slices / batches) : 1;
  result.batchStride = batch ? result.strides[batch - 1] : 0;
  return success();
}

LogicalResult gatherND(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  SliceIndex index;
  if (failed(readSliceIndex(ctx, ctx.attr("batch_dims", int64_t(0)), index)))
    return failure();
  Shape shape(ctx.in(1).shape().drop_back());
  shape.append(x.shape().begin() + index.batch + index.width, x.shape().end());
  Tensor *out = ctx.allocate(0, x.type(), shape);
  if (!out)
    return failure();
  for (int64_t i = 0; i < index.slices; ++i)
    copyElements(*out, i * index.sliceSize, x, index.offset(i), index.sliceSize);
  return success();
}

enum class Combine { None, Add, Mul, Max, Min };

LogicalResult readCombine(KernelContext &ctx, Combine &combine) {
  std::string name = ctx.attr("reduction", "none");
  static constexpr std::pair<const char *, Combine> names[] = {{"none", Combine::None},
                                                               {"add", Combine::Add},
                                                               {"mul", Combine::Mul},
                                                               {"max", Combine::Max},
                                                               {"min", Combine::Min}};
  for (auto &[text, value] : names)
    if (name == text) {
      combine = value;
      return success();
    }
  return ctx.fail("expected reduction none, add, mul, max or min, but got '" + name + "'");
}

/// to[i] = to[i] op from[i].
LogicalResult combineInto(KernelContext &ctx, Combine combine, Tensor &to, int64_t toOffset,
                          const Tensor &from, int64_t fromOffset, int64_t count) {
  if (combine == Combine::None) {
    copyElements(to, toOffset, from, fromOffset, count);
    return success();
  }
  bool known = dispatchArithmetic(to.type(), [&](auto tag) {
    using T = TypeIn<decltype(tag)>;
    using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
    T *a = to.mutableData<T>() + toOffset;
    const T *b = from.data<T>() + fromOffset;
    for (int64_t i = 0; i < count; ++i)
      switch (combine) {
      case Combine::Add:
        a[i] = T(Wide(a[i]) + Wide(b[i]));
        break;
      case Combine::Mul:
        a[i] = T(Wide(a[i]) * Wide(b[i]));
        break;
      case Combine::Max:
        a[i] = a[i] > b[i] ? a[i] : b[i];
        break;
      default:
        a[i] = a[i] < b[i] ? a[i] : b[i];
      }
  });
  return known ? success() : unsupportedType(ctx, 0);
}

/// Output 0 begins as a copy of operand 0, in its storage if nobody else needs it.
Tensor *copyOfInput(KernelContext &ctx) {
  const Tensor &x = ctx.in(0);
  bool reuse = x.isUnique() && x.type() != ElementType::String;
  Tensor *out = ctx.allocateOver(0, 0, x.type(), x.shape());
  if (out && !reuse)
    copyElements(*out, 0, x, 0, x.size());
  return out;
}

LogicalResult scatterElements(KernelContext &ctx) {
  const Tensor &x = ctx.in(0), &updates = ctx.in(2);
  int64_t axis = ctx.attr("axis", int64_t(0));
  Combine combine;
  Tensor indices;
  if (failed(ctx.normalizeAxis(axis, x.rank())) || failed(readCombine(ctx, combine)) ||
      failed(checkElementIndices(ctx, axis)) || failed(readIndices(ctx, 1, x.dim(axis), indices)))
    return failure();
  if (updates.shape() != indices.shape() || updates.type() != x.type())
    return ctx.fail(
        "expected updates of the shape of the indices and the type of the data, but got " +
        describe(updates));
  Tensor *out = copyOfInput(ctx);
  if (!out)
    return failure();
  Shape strides = stridesOf(x.shape());
  for (int64_t i = 0; i < indices.size(); ++i)
    if (failed(combineInto(
            ctx, combine, *out,
            elementOffset(i, indices.shape(), strides, axis, indices.data<int64_t>()[i]), updates,
            i, 1)))
      return failure();
  return success();
}

LogicalResult scatterND(KernelContext &ctx) {
  const Tensor &x = ctx.in(0), &updates = ctx.in(2);
  Combine combine;
  SliceIndex index;
  if (failed(readCombine(ctx, combine)) || failed(readSliceIndex(ctx, 0, index)))
    return failure();
  if (updates.size() != index.slices * index.sliceSize || updates.type() != x.type())
    return ctx.fail("expected " + llvm::Twine(index.slices * index.sliceSize) +
                    " updates of the data's type, but got " + describe(updates));
  Tensor *out = copyOfInput(ctx);
  if (!out)
    return failure();
  for (int64_t i = 0; i < index.slices; ++i)
    if (failed(combineInto(ctx, combine, *out, index.offset(i), updates, i * index.sliceSize,
                           index.sliceSize)))
      return failure();
  return success();
}

} // namespace

void interp::addGatherKernels(KernelRegistry &registry) {
  registry.add("Gather", gather, 2, 2, keepsHalf);
  registry.add("GatherElements", gatherElements, 2, 2, keepsHalf);
  registry.add("GatherND", gatherND, 2, 2, keepsHalf);
  registry.add("ScatterElements", scatterElements, 3, 3);
  registry.add("Scatter", scatterElements, 3, 3);
  registry.add("ScatterND", scatterND, 3, 3);
}
