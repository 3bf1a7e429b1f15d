// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// GroupQueryAttention of com.microsoft: packed or separate projections, rotation, cache and
// attention in one operator.

#include "AttentionCore.h"
#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

struct Operands {
  enum : unsigned {
    query,
    key,
    value,
    pastKey,
    pastValue,
    lastKey,
    totalLength,
    cosines,
    sines,
    positions,
    bias,
    sinks
  };
};

struct GroupQuery {
  KernelContext &ctx;
  int64_t heads, keyHeads;
  AttentionProblem problem;
  int64_t total = 0;

  /// Query, key and value by heads.
  LogicalResult readProjections() {
    const Tensor &x = ctx.in(Operands::query);
    if (heads <= 0 || keyHeads <= 0 || x.rank() != 3)
      return ctx.fail("expected three dimensions and positive numbers of heads, but got " +
                      describe(x));
    if (ctx.has(Operands::key) != ctx.has(Operands::value))
      return ctx.fail("expected key and value together");
    if (ctx.has(Operands::key))
      return success(succeeded(splitHeads(ctx, x, heads, problem.query)) &&
                     succeeded(splitHeads(ctx, ctx.in(Operands::key), keyHeads, problem.key)) &&
                     succeeded(splitHeads(ctx, ctx.in(Operands::value), keyHeads, problem.value)));
    // Packed: the heads of the query, then those of key and value.
    int64_t all = heads + 2 * keyHeads;
    Tensor whole;
    if (failed(splitHeads(ctx, x, all, whole)))
      return failure();
    return success(succeeded(takeHeads(whole, 0, heads, problem.query)) &&
                   succeeded(takeHeads(whole, heads, keyHeads, problem.key)) &&
                   succeeded(takeHeads(whole, heads + keyHeads, keyHeads, problem.value)));
  }

  LogicalResult takeHeads(const Tensor &whole, int64_t first, int64_t count, Tensor &result) {
    if (!ctx.temporary(result, ElementType::F32, {whole.dim(0), count, whole.dim(2), whole.dim(3)}))
      return failure();
    int64_t head = whole.dim(2) * whole.dim(3);
    for (int64_t b = 0; b < whole.dim(0); ++b)
      copyElements(result, b * count * head, whole, (b * whole.dim(1) + first) * head,
                   count * head);
    return success();
  }

  /// The index of the last key of each batch, and the length of the longest.
  LogicalResult readLengths() {
    int64_t queries = problem.queries();
    if (!ctx.has(Operands::lastKey) || !ctx.has(Operands::totalLength))
      return ctx.fail("expected the lengths of the sequences");
    llvm::Expected<Tensor> last = cast(ctx.in(Operands::lastKey), ElementType::I64);
    llvm::Expected<Tensor> totals = cast(ctx.in(Operands::totalLength), ElementType::I64);
    if (!last || !totals)
      return ctx.fail(llvm::joinErrors(last.takeError(), totals.takeError()));
    if (last->size() != problem.batches() || totals->size() != 1)
      return ctx.fail("expected one length for each of " + llvm::Twine(problem.batches()) +
                      " batches and one in all, but got " + describe(*last) + " and " +
                      describe(*totals));
    total = totals->data<int64_t>()[0];
    bool prompt = total <= queries;
    for (int64_t b = 0; b < problem.batches(); ++b) {
      int64_t valid = last->data<int64_t>()[b] + 1, past = prompt ? 0 : valid - queries;
      if (valid < 1 || valid > total || past < 0)
        return ctx.fail("expected lengths in [1, " + llvm::Twine(total) + "], but got " +
                        llvm::Twine(valid));
      problem.validKeys.push_back(prompt ? std::max(valid, int64_t(1)) : valid);
      problem.offsets.push_back(past);
    }
    return success();
  }

  LogicalResult rotate() {
    if (!ctx.attr("do_rotary", int64_t(0)))
      return success();
    if (!ctx.has(Operands::cosines) || !ctx.has(Operands::sines))
      return ctx.fail("expected cosine and sine tables for do_rotary");
    llvm::Expected<Tensor> c = cast(ctx.in(Operands::cosines), ElementType::F32),
                           s = cast(ctx.in(Operands::sines), ElementType::F32);
    if (!c || !s)
      return ctx.fail(llvm::joinErrors(c.takeError(), s.takeError()));
    RotaryTable table{*c, *s};
    if (c->rank() != 2 || c->shape() != s->shape() || 2 * table.half() > problem.query.dim(3))
      return ctx.fail("expected tables of at most " + llvm::Twine(problem.query.dim(3) / 2) +
                      " columns, but got " + describe(*c) + " and " + describe(*s));
    Shape positions;
    for (int64_t b = 0; b < problem.batches(); ++b)
      for (int64_t i = 0; i < problem.queries(); ++i)
        positions.push_back(problem.offsets[b] + i);
    if (ctx.has(Operands::positions)) {
      llvm::Expected<Tensor> given = cast(ctx.in(Operands::positions), ElementType::I64);
      if (!given)
        return ctx.fail(given.takeError());
      if (given->size() != int64_t(positions.size()))
        return ctx.fail("expected " + llvm::Twine(positions.size()) + " position ids, but got " +
                        describe(*given));
      positions.assign(given->values<int64_t>().begin(), given->values<int64_t>().end());
    }
    for (int64_t position : positions)
      if (position < 0 || position >= table.positions())
        return ctx.fail("expected positions in [0, " + llvm::Twine(table.positions()) +
                        "), but got " + llvm::Twine(position));
    return success(succeeded(rotateAll(table, positions, problem.query)) &&
                   succeeded(rotateAll(table, positions, problem.key)));
  }

  LogicalResult rotateAll(const RotaryTable &table, llvm::ArrayRef<int64_t> positions, Tensor &x) {
    Tensor result;
    if (!ctx.temporary(result, ElementType::F32, x.shape()))
      return failure();
    bool interleaved = ctx.attr("rotary_interleaved", int64_t(0));
    int64_t count = x.dim(2), size = x.dim(3);
    ctx.pool().forRange(x.dim(0) * x.dim(1), 1, [&](int64_t begin, int64_t end) {
      for (int64_t head = begin; head < end; ++head)
        for (int64_t i = 0; i < count; ++i) {
          int64_t at = (head * count + i) * size,
                  row = positions[head / x.dim(1) * count + i] * table.half();
          rotateHead(x.data<float>() + at, result.mutableData<float>() + at, size,
                     table.cosines.data<float>() + row, table.sines.data<float>() + row,
                     table.half(), interleaved);
        }
    });
    x = result;
    return success();
  }

  /// The cache with the new positions written after the valid ones of each batch.
  LogicalResult extendCache(unsigned pastOperand, Tensor &added) {
    int64_t capacity = total, size = added.dim(3), past = 0;
    llvm::Expected<Tensor> before = Tensor();
    if (ctx.has(pastOperand)) {
      before = cast(ctx.in(pastOperand), ElementType::F32);
      if (!before)
        return ctx.fail(before.takeError());
      if (before->rank() != 4 || before->dim(0) != added.dim(0) || before->dim(1) != added.dim(1) ||
          before->dim(3) != size)
        return ctx.fail("expected a cache that differs from " + describe(added) +
                        " in its positions only, but got " + describe(*before));
      past = before->dim(2);
      capacity = std::max(capacity, past);
    }
    capacity = std::max(capacity, added.dim(2));
    Tensor result;
    if (!ctx.temporary(result, ElementType::F32, {added.dim(0), added.dim(1), capacity, size}))
      return failure();
    std::fill_n(result.mutableData<float>(), result.size(), 0.0f);
    for (int64_t head = 0; head < added.dim(0) * added.dim(1); ++head) {
      int64_t start = problem.offsets[head / added.dim(1)];
      if (start > past && start > 0)
        return ctx.fail("expected a cache of at least " + llvm::Twine(start) +
                        " positions, but got " + llvm::Twine(past));
      if (past)
        copyElements(result, head * capacity * size, *before, head * past * size, past * size);
      copyElements(result, (head * capacity + start) * size, added, head * added.dim(2) * size,
                   std::min(added.dim(2), capacity - start) * size);
    }
    added = result;
    return success();
  }

  LogicalResult readOptions() {
    for (llvm::StringRef name : {"k_quant_type", "v_quant_type"})
      if (std::string kind = ctx.attr(name, "NONE"); kind != "NONE")
        return ctx.fail("a quantized cache (" + name + " = " + kind + ") is not supported");
    if (ctx.attr("smooth_softmax", int64_t(0)) && !ctx.has(Operands::sinks)) {
      if (!ctx.temporary(problem.sinks, ElementType::F32, {heads}))
        return failure();
      std::fill_n(problem.sinks.mutableData<float>(), heads, 0.0f);
    }
    if (ctx.has(Operands::sinks)) {
      problem.sinks = ctx.in(Operands::sinks);
      if (problem.sinks.size() != heads || problem.sinks.type() != ElementType::F32)
        return ctx.fail("expected one sink for each head, but got " + describe(problem.sinks));
    }
    if (ctx.has(Operands::bias))
      problem.mask = ctx.in(Operands::bias);
    problem.causal = true;
    // The window counts the query itself.
    int64_t window = ctx.attr("local_window_size", int64_t(-1));
    problem.leftWindow = window > 0 ? window - 1 : -1;
    problem.softcap = float(ctx.attr("softcap", 0.0));
    problem.scale = float(ctx.attr("scale", 0.0));
    if (problem.scale == 0)
      problem.scale = float(1.0 / std::sqrt(double(std::max<int64_t>(1, problem.query.dim(3)))));
    return success();
  }
};

LogicalResult groupQueryAttention(KernelContext &ctx) {
  GroupQuery op{
      ctx, ctx.attr("num_heads", int64_t(0)), ctx.attr("kv_num_heads", int64_t(0)), {}, 0};
  Tensor result, shown;
  if (failed(op.readProjections()) || failed(op.readLengths()) || failed(op.rotate()) ||
      failed(op.extendCache(Operands::pastKey, op.problem.key)) ||
      failed(op.extendCache(Operands::pastValue, op.problem.value)) || failed(op.readOptions()) ||
      failed(attend(ctx, op.problem, result, shown)) || failed(joinHeads(ctx, result, result)))
    return failure();
  const Tensor *outputs[] = {&result, &op.problem.key, &op.problem.value};
  if (ctx.outputCount() > 3)
    return ctx.fail("the scores as a result are not supported");
  for (unsigned i = 0; i < ctx.outputCount(); ++i)
    ctx.set(i, *outputs[i]);
  return success();
}

} // namespace

void interp::addGroupQueryKernels(KernelRegistry &registry) {
  registry.add("ms.GroupQueryAttention", groupQueryAttention, 1, 14);
}
