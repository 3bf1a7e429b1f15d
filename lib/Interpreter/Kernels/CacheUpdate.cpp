// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TensorScatter: the step's keys or values written into a cache, for each batch entry at its own
// place.

#include "Axes.h"
#include "Registration.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Where each batch entry is written; zero when nothing is said.
LogicalResult writeIndices(KernelContext &ctx, int64_t batches, Shape &indices) {
  indices.assign(size_t(batches), 0);
  if (!ctx.has(2))
    return success();
  llvm::Expected<Tensor> given = cast(ctx.in(2), ElementType::I64);
  if (!given)
    return ctx.fail(given.takeError());
  if (given->rank() != 1 || given->size() != batches)
    return ctx.fail("expected one write index for each of " + llvm::Twine(batches) +
                    " batches, but got " + describe(ctx.in(2)));
  indices.assign(given->values<int64_t>().begin(), given->values<int64_t>().end());
  return success();
}

LogicalResult tensorScatter(KernelContext &ctx) {
  const Tensor &cache = ctx.in(0), &update = ctx.in(1);
  int64_t axis = ctx.attr("axis", int64_t(-2));
  std::string mode = ctx.attr("mode", "linear");
  if (failed(ctx.normalizeAxis(axis, cache.rank())))
    return failure();
  bool fits = axis > 0 && update.rank() == cache.rank() && update.type() == cache.type();
  for (int64_t d = 0; fits && d < cache.rank(); ++d)
    fits = d == axis ? update.dim(d) <= cache.dim(d) : update.dim(d) == cache.dim(d);
  if (!fits)
    return ctx.fail("expected an update that fits the cache behind its batch axis, but got " +
                    describe(update) + " for " + describe(cache));
  if (mode != "linear" && mode != "circular")
    return ctx.fail("expected mode linear or circular, but got " + mode);
  int64_t batches = cache.dim(0), places = cache.dim(axis), written = update.dim(axis);
  Shape indices;
  if (failed(writeIndices(ctx, batches, indices)))
    return failure();
  for (int64_t index : indices)
    if (index < 0 || (mode == "linear" ? index > places - written : index >= places))
      return ctx.fail("expected write indices that leave " + llvm::Twine(written) + " of " +
                      llvm::Twine(places) + " places, but got " + llvm::Twine(index));

  Tensor *out = ctx.allocate(0, cache.type(), cache.shape());
  if (!out)
    return failure();
  AxisView view(cache.shape(), axis);
  int64_t rows = batches ? view.outer / batches : 0;
  copyElements(*out, 0, cache, 0, cache.size());
  for (int64_t batch = 0; batch < batches; ++batch)
    for (int64_t row = batch * rows; row < (batch + 1) * rows; ++row)
      for (int64_t i = 0; i < written; ++i)
        copyElements(*out, (row * places + (indices[batch] + i) % places) * view.inner, update,
                     (row * written + i) * view.inner, view.inner);
  return success();
}

} // namespace

void interp::addCacheUpdateKernels(KernelRegistry &registry) {
  registry.add("TensorScatter", tensorScatter, 2, 3, keepsHalf);
}
