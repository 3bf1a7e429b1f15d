// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attention of ai.onnx and MultiHeadAttention of com.microsoft.

#include "AttentionCore.h"
#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include <cmath>

using namespace qllm;
using namespace qllm::interp;

namespace {

/// Results are computed in f32; the executor restores f16 and bf16, this f64.
LogicalResult setLike(KernelContext &ctx, unsigned i, const Tensor &value, ElementType type) {
  return ctx.setOrFail(i, type == ElementType::F64 ? cast(value, type) : value);
}

/// The mask with floats as f32.
LogicalResult readMask(KernelContext &ctx, unsigned operand, Tensor &mask) {
  if (!ctx.has(operand))
    return success();
  mask = ctx.in(operand);
  if (mask.type() == ElementType::Bool)
    return success();
  llvm::Expected<Tensor> floats = cast(mask, ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  mask = *floats;
  return success();
}

LogicalResult readPositions(KernelContext &ctx, AttentionProblem &problem, int64_t past) {
  problem.causal = ctx.attr("is_causal", int64_t(0));
  problem.leftWindow = ctx.attr("left_window_size", int64_t(-1));
  problem.rightWindow = ctx.attr("right_window_size", int64_t(-1));
  constexpr int64_t widest = int64_t(1)
                             << 40; // beyond any number of keys; keeps sums of positions in range
  problem.leftWindow = std::min(problem.leftWindow, widest);
  problem.rightWindow = std::min(problem.rightWindow, widest);
  problem.offsets.assign(problem.batches(), past);
  problem.validKeys.assign(problem.batches(), problem.keys());
  if (!ctx.has(6))
    return success();
  Shape valid;
  if (failed(ctx.integersOf(6, valid)))
    return failure();
  if (int64_t(valid.size()) != problem.batches())
    return ctx.fail("expected one length for each of " + llvm::Twine(problem.batches()) +
                    " batches, but got " + llvm::Twine(valid.size()));
  for (int64_t b = 0; b < problem.batches(); ++b) {
    problem.validKeys[b] = valid[b];
    if (!ctx.has(4))
      problem.offsets[b] = valid[b] - problem.queries();
  }
  return success();
}

LogicalResult attention(KernelContext &ctx) {
  AttentionProblem problem;
  ElementType type = ctx.in(0).type();
  bool flat = ctx.in(0).rank() == 3;
  int64_t heads = ctx.attr("q_num_heads", int64_t(0)),
          keyHeads = ctx.attr("kv_num_heads", int64_t(0));
  if (failed(splitHeads(ctx, ctx.in(0), heads, problem.query)) ||
      failed(splitHeads(ctx, ctx.in(1), keyHeads, problem.key)) ||
      failed(splitHeads(ctx, ctx.in(2), keyHeads, problem.value)))
    return failure();
  int64_t past = 0;
  if (ctx.has(4) != ctx.has(5))
    return ctx.fail("expected past key and past value together");
  if (ctx.has(4)) {
    past = ctx.in(4).rank() == 4 ? ctx.in(4).dim(2) : 0;
    Tensor key, value;
    if (failed(appendPositions(ctx, ctx.in(4), problem.key, key)) ||
        failed(appendPositions(ctx, ctx.in(5), problem.value, value)))
      return failure();
    problem.key = key;
    problem.value = value;
  }
  problem.softcap = float(ctx.attr("softcap", 0.0));
  problem.scale =
      float(ctx.attr("scale", 1.0 / std::sqrt(double(std::max<int64_t>(1, problem.query.dim(3))))));
  int64_t mode = ctx.attr("qk_matmul_output_mode", int64_t(0));
  if (ctx.outputCount() > 3)
    problem.shown = mode == 3   ? ShownScores::Probabilities
                    : mode == 2 ? ShownScores::WithBias
                                : ShownScores::BeforeBias;
  Tensor result, shown;
  if (failed(readPositions(ctx, problem, past)) || failed(readMask(ctx, 3, problem.mask)) ||
      failed(attend(ctx, problem, result, shown)) ||
      (flat && failed(joinHeads(ctx, result, result))))
    return failure();
  const Tensor *outputs[] = {&result, &problem.key, &problem.value, &shown};
  for (unsigned i = 0; i < ctx.outputCount() && i < 4; ++i)
    if (failed(setLike(ctx, i, *outputs[i], type)))
      return failure();
  return success();
}

/// x += bias[from, from + channels) on the last axis.
LogicalResult addBias(KernelContext &ctx, Tensor &x, int64_t from) {
  if (!ctx.has(3))
    return success();
  const Tensor &bias = ctx.in(3);
  int64_t channels = x.dim(x.rank() - 1);
  Tensor sum;
  if (bias.type() != ElementType::F32 || bias.size() < from + channels ||
      !ctx.temporary(sum, ElementType::F32, x.shape()))
    return ctx.fail("expected a bias for query, key and value, but got " + describe(bias));
  for (int64_t i = 0; i < x.size(); ++i)
    sum.mutableData<float>()[i] = x.data<float>()[i] + bias.data<float>()[from + i % channels];
  x = sum;
  return success();
}

/// Query, key and value as [batch, positions, channels], from separate operands or packed by head.
LogicalResult readProjections(KernelContext &ctx, int64_t heads, Tensor parts[3]) {
  const Tensor &first = ctx.in(0);
  auto slicePacked = [&](const Tensor &packed, int64_t pieces, Tensor *to) {
    // [batch, positions, heads, pieces, size]: bring the pieces to the front.
    Tensor moved;
    if (!transposed(ctx, packed, {3, 0, 1, 2, 4}, moved))
      return failure();
    for (int64_t i = 0; i < pieces; ++i)
      to[i] =
          moved.rows(i, 1).reshaped({packed.dim(0), packed.dim(1), packed.dim(2) * packed.dim(4)});
    return LogicalResult(success());
  };
  if (first.rank() == 5 && first.dim(3) == 3)
    return slicePacked(first, 3, parts);
  if (!ctx.has(1) || first.rank() != 3)
    return ctx.fail(
        "expected query, key and value of three dimensions, or packed ones of five, but got " +
        describe(first));
  parts[0] = first;
  if (ctx.in(1).rank() == 5 && ctx.in(1).dim(3) == 2)
    return slicePacked(ctx.in(1), 2, parts + 1);
  if (!ctx.has(2))
    return ctx.fail("expected a value beside an unpacked key");
  parts[1] = ctx.in(1);
  parts[2] = ctx.in(2);
  return success();
}

/// 1 for keys that count; any nonzero value keeps a key.
LogicalResult readPadding(KernelContext &ctx, AttentionProblem &problem) {
  if (!ctx.has(4))
    return success();
  const Tensor &padding = ctx.in(4);
  if (padding.rank() != 2 || padding.dim(0) != problem.batches() ||
      padding.dim(1) != problem.keys() || ctx.has(5))
    return ctx.fail(
        "expected a key padding mask of batch by keys and no attention bias beside it, but got " +
        describe(padding));
  llvm::Expected<Tensor> flags = cast(padding, ElementType::Bool);
  if (!flags)
    return ctx.fail(flags.takeError());
  problem.mask = flags->reshaped({padding.dim(0), 1, 1, padding.dim(1)});
  return success();
}

LogicalResult multiHeadAttention(KernelContext &ctx) {
  int64_t heads = ctx.attr("num_heads", int64_t(0));
  Tensor parts[3];
  AttentionProblem problem;
  Tensor *split[] = {&problem.query, &problem.key, &problem.value};
  if (failed(readProjections(ctx, heads, parts)))
    return failure();
  int64_t channel = 0;
  for (unsigned i = 0; i < 3; ++i) {
    bool flat = parts[i].rank() == 3;
    if (flat && failed(addBias(ctx, parts[i], channel)))
      return failure();
    channel += flat ? parts[i].dim(2) : 0;
    if (failed(splitHeads(ctx, parts[i], heads, *split[i])))
      return failure();
  }
  int64_t past = 0;
  for (unsigned i : {6u, 7u}) {
    if (!ctx.has(i))
      continue;
    Tensor whole;
    past = ctx.in(i).rank() == 4 ? ctx.in(i).dim(2) : 0;
    if (failed(appendPositions(ctx, ctx.in(i), *split[i - 5], whole)))
      return failure();
    *split[i - 5] = whole;
  }
  problem.causal = ctx.attr("unidirectional", int64_t(0));
  problem.scale = float(ctx.attr("scale", 0.0));
  if (problem.scale == 0)
    problem.scale = float(1.0 / std::sqrt(double(std::max<int64_t>(1, problem.query.dim(3)))));
  problem.offsets.assign(problem.batches(), past);
  problem.validKeys.assign(problem.batches(), problem.keys());
  if (ctx.outputCount() > 3)
    problem.shown = ShownScores::BeforeBias;
  Tensor result, shown;
  if (failed(readMask(ctx, 5, problem.mask)) || failed(readPadding(ctx, problem)) ||
      failed(attend(ctx, problem, result, shown)) || failed(joinHeads(ctx, result, result)))
    return failure();
  const Tensor *outputs[] = {&result, &problem.key, &problem.value, &shown};
  for (unsigned i = 0; i < ctx.outputCount() && i < 4; ++i)
    ctx.set(i, *outputs[i]);
  return success();
}

} // namespace

void interp::addAttentionKernels(KernelRegistry &registry) {
  registry.add("Attention", attention, 3, 7);
  registry.add("ms.MultiHeadAttention", multiHeadAttention, 1, 8);
}
