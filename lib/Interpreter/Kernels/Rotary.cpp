// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotary position embedding, of ai.onnx and of com.microsoft.

#include "AttentionCore.h"
#include "Axes.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;
using namespace qllm::interp;

namespace {

/// How [batch, positions, heads, size] lies in the input.
struct HeadLayout {
  int64_t batches, positions, heads, size;
  int64_t batchStride, positionStride, headStride;
};

LogicalResult layoutOf(KernelContext &ctx, int64_t heads, HeadLayout &layout) {
  const Tensor &x = ctx.in(0);
  if (x.rank() == 4) {
    layout = {x.dim(0), x.dim(2),           x.dim(1), x.dim(3), x.dim(1) * x.dim(2) * x.dim(3),
              x.dim(3), x.dim(2) * x.dim(3)};
    return success();
  }
  if (x.rank() != 3 || heads <= 0 || x.dim(2) % heads != 0)
    return ctx.fail("expected four dimensions, or three with channels for " + llvm::Twine(heads) +
                    " heads, but got " + describe(x));
  int64_t size = x.dim(2) / heads;
  layout = {x.dim(0), x.dim(1), heads, size, x.dim(1) * x.dim(2), x.dim(2), size};
  return success();
}

/// Row of the tables for each batch and position. Empty `ids` stand for tables that already are
/// [batch, positions, half].
LogicalResult rowsOf(KernelContext &ctx, const HeadLayout &layout, const RotaryTable &table,
                     const Shape &ids, bool offsetOnly, Shape &rows) {
  for (int64_t b = 0; b < layout.batches; ++b)
    for (int64_t s = 0; s < layout.positions; ++s) {
      int64_t at = b * layout.positions + s;
      rows.push_back(offsetOnly ? ids[0] + s : ids.empty() ? at : ids[at]);
    }
  int64_t available = table.cosines.size() / std::max<int64_t>(1, table.half());
  for (int64_t row : rows)
    if (row < 0 || row >= available)
      return ctx.fail("expected positions in [0, " + llvm::Twine(available) + "), but got " +
                      llvm::Twine(row));
  return success();
}

LogicalResult rotate(KernelContext &ctx, const HeadLayout &layout, const RotaryTable &table,
                     llvm::ArrayRef<int64_t> rows, float scale) {
  bool interleaved = ctx.attr("interleaved", int64_t(0));
  int64_t half = table.half();
  if (2 * half > layout.size || table.sines.shape() != table.cosines.shape())
    return ctx.fail("expected tables of at most " + llvm::Twine(layout.size / 2) +
                    " columns, but got " + describe(table.cosines) + " and " +
                    describe(table.sines));
  const Tensor &x = ctx.in(0);
  Tensor *out = ctx.allocate(0, ElementType::F32, x.shape());
  llvm::Expected<Tensor> floats = cast(x, ElementType::F32);
  if (!out || !floats)
    return floats ? failure() : ctx.fail(floats.takeError());
  ctx.pool().forRange(layout.batches * layout.positions, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t head = 0; head < layout.heads; ++head) {
        int64_t at = i / layout.positions * layout.batchStride +
                     i % layout.positions * layout.positionStride + head * layout.headStride;
        float *to = out->mutableData<float>() + at;
        rotateHead(floats->data<float>() + at, to, layout.size,
                   table.cosines.data<float>() + rows[i] * half,
                   table.sines.data<float>() + rows[i] * half, half, interleaved);
        for (int64_t k = 0; scale != 1 && k < 2 * half; ++k)
          to[k] *= scale;
      }
  });
  return x.type() == ElementType::F64 ? ctx.setOrFail(0, cast(*out, ElementType::F64)) : success();
}

LogicalResult readTable(KernelContext &ctx, unsigned cosines, unsigned sines, RotaryTable &table) {
  llvm::Expected<Tensor> c = cast(ctx.in(cosines), ElementType::F32),
                         s = cast(ctx.in(sines), ElementType::F32);
  if (!c || !s)
    return ctx.fail(llvm::joinErrors(c.takeError(), s.takeError()));
  if (c->rank() < 2)
    return ctx.fail("expected tables of at least two dimensions, but got " + describe(*c));
  table = {*c, *s};
  return success();
}

/// All position ids, flattened.
LogicalResult readIds(KernelContext &ctx, unsigned operand, Shape &ids) {
  llvm::Expected<Tensor> wide = cast(ctx.in(operand), ElementType::I64);
  if (!wide)
    return ctx.fail(wide.takeError());
  ids.assign(wide->values<int64_t>().begin(), wide->values<int64_t>().end());
  return success();
}

LogicalResult onnxRotary(KernelContext &ctx) {
  HeadLayout layout;
  RotaryTable table;
  Shape ids, rows;
  if (failed(layoutOf(ctx, ctx.attr("num_heads", int64_t(0)), layout)) ||
      failed(readTable(ctx, 1, 2, table)) || (ctx.has(3) && failed(readIds(ctx, 3, ids))))
    return failure();
  int64_t wanted = layout.batches * layout.positions;
  if (ctx.has(3) && int64_t(ids.size()) != wanted)
    return ctx.fail("expected " + llvm::Twine(wanted) + " position ids, but got " +
                    describe(ctx.in(3)));
  int64_t width = ctx.attr("rotary_embedding_dim", int64_t(0));
  if (2 * table.half() != (width ? width : layout.size))
    return ctx.fail("expected tables of " + llvm::Twine((width ? width : layout.size) / 2) +
                    " columns, but got " + describe(table.cosines));
  if (failed(rowsOf(ctx, layout, table, ids, false, rows)))
    return failure();
  return rotate(ctx, layout, table, rows, 1);
}

LogicalResult microsoftRotary(KernelContext &ctx) {
  HeadLayout layout;
  RotaryTable table;
  Shape ids, rows;
  if (failed(readTable(ctx, 2, 3, table)) || failed(readIds(ctx, 1, ids)))
    return failure();
  int64_t heads = ctx.attr("num_heads", int64_t(0));
  if (heads == 0 &&
      ctx.in(0).rank() == 3) // without it the whole head is rotated, so the tables tell its size
    heads = table.half() ? ctx.in(0).dim(2) / (2 * table.half()) : 0;
  if (failed(layoutOf(ctx, heads, layout)))
    return failure();
  bool offsetOnly = ids.size() == 1;
  if (!offsetOnly && int64_t(ids.size()) != layout.batches * layout.positions)
    return ctx.fail("expected one position id, or one for each position, but got " +
                    describe(ctx.in(1)));
  if (failed(rowsOf(ctx, layout, table, ids, offsetOnly, rows)))
    return failure();
  return rotate(ctx, layout, table, rows, float(ctx.attr("scale", 1.0)));
}

} // namespace

void interp::addRotaryKernels(KernelRegistry &registry) {
  registry.add("RotaryEmbedding", onnxRotary, 3, 4);
  registry.add("ms.RotaryEmbedding", microsoftRotary, 4, 4);
}
