// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "AttentionCore.h"
#include "Axes.h"
#include "qllm/Tensor/Convert.h"
#include "qllm/Tensor/Gemm.h"
#include "qllm/Tensor/VectorMath.h"
#include <atomic>
#include <cmath>
#include <limits>

using namespace qllm;
using namespace qllm::interp;

namespace {

constexpr float excluded = -std::numeric_limits<float>::infinity();

/// The mask seen as [batch, heads, queries, keys] by strides of zero.
struct MaskView {
  const Tensor *tensor = nullptr;
  std::array<int64_t, 3> strides{};
  int64_t columns = 0;
  bool repeatsColumn = false;

  LogicalResult prepare(KernelContext &ctx, const AttentionProblem &problem) {
    if (problem.mask.isNull())
      return success();
    tensor = &problem.mask;
    int64_t rank = tensor->rank();
    int64_t wanted[] = {problem.batches(), problem.heads(), problem.queries()};
    bool fits = rank >= 1 && rank <= 4 && tensor->dim(rank - 1) <= problem.keys() &&
                (tensor->type() == ElementType::Bool || tensor->type() == ElementType::F32);
    columns = fits ? tensor->dim(rank - 1) : 0;
    int64_t stride = columns;
    for (int64_t d = rank - 2, k = 2; fits && d >= 0; --d, --k) {
      fits = tensor->dim(d) == 1 || tensor->dim(d) == wanted[k];
      strides[k] = tensor->dim(d) == 1 ? 0 : stride;
      stride *= tensor->dim(d);
    }
    repeatsColumn = columns == 1 && problem.keys() > 1;
    return fits ? success()
                : ctx.fail("expected a mask that broadcasts to the scores, but got " +
                           describe(problem.mask));
  }

  void addTo(float *row, int64_t keys, int64_t batch, int64_t head, int64_t query) const {
    if (!tensor)
      return;
    int64_t base = batch * strides[0] + head * strides[1] + query * strides[2];
    bool truth = tensor->type() == ElementType::Bool;
    const uint8_t *flags = truth ? tensor->data<uint8_t>() + base : nullptr;
    const float *values = truth ? nullptr : tensor->data<float>() + base;
    int64_t covered = repeatsColumn ? keys : columns;
    for (int64_t j = 0; j < covered; ++j) {
      int64_t at = repeatsColumn ? 0 : j;
      row[j] += truth ? (flags[at] ? 0.0f : excluded) : values[at];
    }
    std::fill(row + covered, row + keys, excluded);
  }
};

/// The keys [first, last) that a query may see by its position.
std::pair<int64_t, int64_t> visibleKeys(const AttentionProblem &problem, int64_t batch,
                                        int64_t query) {
  int64_t position = query + problem.offsets[batch], first = 0, last = problem.validKeys[batch];
  if (problem.causal)
    last = std::min(last, position + 1);
  if (problem.leftWindow >= 0)
    first = std::max(first, position - problem.leftWindow);
  if (problem.rightWindow >= 0)
    last = std::min(last, position + problem.rightWindow + 1);
  last = std::clamp<int64_t>(last, 0, problem.keys());
  return {std::clamp<int64_t>(first, 0, last), last};
}

/// Softmax with an extra score that is not among the results.
void softmaxWithSink(float *row, int64_t count, float sink) {
  float most = std::max(sink, vec::maximum(row, count)), total = std::exp(sink - most);
  for (int64_t j = 0; j < count; ++j)
    total += row[j] = std::exp(row[j] - most);
  for (int64_t j = 0; j < count; ++j)
    row[j] /= total;
}

class Attention {
public:
  Attention(const AttentionProblem &problem, const MaskView &mask, Tensor &result, Tensor &shown)
      : problem(problem), mask(mask), result(result), shown(shown) {}

  /// One head of one batch.
  void runHead(int64_t index, float *scores) {
    int64_t batch = index / problem.heads(), head = index % problem.heads();
    int64_t keyIndex = batch * problem.keyHeads() + head / (problem.heads() / problem.keyHeads());
    int64_t queries = problem.queries(), keys = problem.keys(), size = problem.query.dim(3),
            valueSize = problem.value.dim(3);
    const float *q = problem.query.data<float>() + index * queries * size;
    const float *k = problem.key.data<float>() + keyIndex * keys * size;
    const float *v = problem.value.data<float>() + keyIndex * keys * valueSize;
    matmul(queries, keys, size, problem.scale, {q, size, false}, {k, size, true}, 0, scores, keys);
    for (int64_t query = 0; query < queries; ++query)
      finishRow(scores + query * keys, batch, head, query);
    if (problem.shown == ShownScores::Probabilities)
      std::copy_n(scores, queries * keys, shown.mutableData<float>() + index * queries * keys);
    matmul(queries, valueSize, keys, 1, {scores, keys, false}, {v, valueSize, false}, 0,
           result.mutableData<float>() + index * queries * valueSize, valueSize);
  }

private:
  void show(const float *row, int64_t batch, int64_t head, int64_t query) {
    int64_t at = (batch * problem.heads() + head) * problem.queries() + query;
    std::copy_n(row, problem.keys(), shown.mutableData<float>() + at * problem.keys());
  }

  /// Raw scores to probabilities.
  void finishRow(float *row, int64_t batch, int64_t head, int64_t query) {
    int64_t keys = problem.keys();
    for (int64_t j = 0; problem.softcap > 0 && j < keys; ++j)
      row[j] = std::tanh(row[j] / problem.softcap) * problem.softcap;
    if (problem.shown == ShownScores::BeforeBias)
      show(row, batch, head, query);
    auto [first, last] = visibleKeys(problem, batch, query);
    std::fill(row, row + first, excluded);
    std::fill(row + last, row + keys, excluded);
    mask.addTo(row, keys, batch, head, query);
    if (problem.shown == ShownScores::WithBias)
      show(row, batch, head, query);
    if (keys == 0 || vec::maximum(row, keys) == excluded)
      std::fill(row, row + keys, 0.0f);
    else if (!problem.sinks.isNull())
      softmaxWithSink(row, keys, problem.sinks.data<float>()[head]);
    else
      vec::softmaxRow(row, row, keys);
  }

  const AttentionProblem &problem;
  const MaskView &mask;
  Tensor &result, &shown;
};

} // namespace

LogicalResult interp::attend(KernelContext &ctx, const AttentionProblem &problem, Tensor &result,
                             Tensor &shown) {
  const Tensor &q = problem.query, &k = problem.key, &v = problem.value;
  bool fits = q.rank() == 4 && k.rank() == 4 && v.rank() == 4 && q.dim(0) == k.dim(0) &&
              q.dim(0) == v.dim(0) && k.dim(1) == v.dim(1) && k.dim(2) == v.dim(2) &&
              q.dim(3) == k.dim(3) && k.dim(1) > 0 && q.dim(1) % k.dim(1) == 0;
  if (!fits)
    return ctx.fail("expected query, key and value whose batches, heads and sizes agree, but got " +
                    describe(q) + ", " + describe(k) + " and " + describe(v));
  MaskView mask;
  if (failed(mask.prepare(ctx, problem)) ||
      !ctx.temporary(result, ElementType::F32, {q.dim(0), q.dim(1), q.dim(2), v.dim(3)}))
    return failure();
  if (problem.shown != ShownScores::None &&
      !ctx.temporary(shown, ElementType::F32, {q.dim(0), q.dim(1), q.dim(2), k.dim(2)}))
    return failure();
  // Each head's scores need room of their own; heads are as many as tasks, so tasks at work at once
  // are few.
  std::atomic<bool> outOfMemory = false;
  Attention attention(problem, mask, result, shown);
  ctx.pool().run(q.dim(0) * q.dim(1), [&](int64_t index) {
    llvm::Expected<Tensor> scores = Tensor::allocate(ElementType::F32, {q.dim(2), k.dim(2)});
    if (!scores) {
      llvm::consumeError(scores.takeError());
      outOfMemory = true;
      return;
    }
    attention.runHead(index, scores->mutableData<float>());
  });
  return outOfMemory ? ctx.fail("expected memory for the scores of a head, but the machine has not "
                                "that much left")
                     : success();
}

LogicalResult interp::splitHeads(KernelContext &ctx, const Tensor &tensor, int64_t heads,
                                 Tensor &result) {
  llvm::Expected<Tensor> floats = cast(tensor, ElementType::F32);
  if (!floats)
    return ctx.fail(floats.takeError());
  if (tensor.rank() == 4) {
    result = *floats;
    return success();
  }
  if (tensor.rank() != 3 || heads <= 0 || tensor.dim(2) % heads != 0)
    return ctx.fail("expected three dimensions with channels for " + llvm::Twine(heads) +
                    " heads, but got " + describe(tensor));
  Tensor split = floats->reshaped({tensor.dim(0), tensor.dim(1), heads, tensor.dim(2) / heads});
  return transposed(ctx, split, {0, 2, 1, 3}, result) ? success() : failure();
}

LogicalResult interp::joinHeads(KernelContext &ctx, const Tensor &tensor, Tensor &result) {
  Tensor moved;
  if (!transposed(ctx, tensor, {0, 2, 1, 3}, moved))
    return failure();
  result = moved.reshaped({tensor.dim(0), tensor.dim(2), tensor.dim(1) * tensor.dim(3)});
  return success();
}

LogicalResult interp::appendPositions(KernelContext &ctx, const Tensor &past, const Tensor &present,
                                      Tensor &result) {
  llvm::Expected<Tensor> before = cast(past, ElementType::F32);
  if (!before)
    return ctx.fail(before.takeError());
  bool fits = past.rank() == 4 && past.dim(0) == present.dim(0) && past.dim(1) == present.dim(1) &&
              past.dim(3) == present.dim(3);
  if (!fits)
    return ctx.fail("expected a cache that differs from " + describe(present) +
                    " in its positions only, but got " + describe(past));
  int64_t heads = present.dim(0) * present.dim(1), old = past.dim(2) * past.dim(3),
          added = present.dim(2) * past.dim(3);
  if (!ctx.temporary(result, ElementType::F32,
                     {present.dim(0), present.dim(1), past.dim(2) + present.dim(2), past.dim(3)}))
    return failure();
  for (int64_t head = 0; head < heads; ++head) {
    copyElements(result, head * (old + added), *before, head * old, old);
    copyElements(result, head * (old + added) + old, present, head * added, added);
  }
  return success();
}

void interp::rotateHead(const float *in, float *out, int64_t size, const float *cosines,
                        const float *sines, int64_t half, bool interleaved) {
  int64_t step = interleaved ? 2 : 1, other = interleaved ? 1 : half;
  for (int64_t i = 0; i < half; ++i) {
    float a = in[i * step], b = in[i * step + other];
    out[i * step] = cosines[i] * a - sines[i] * b;
    out[i * step + other] = sines[i] * a + cosines[i] * b;
  }
  std::copy(in + 2 * half, in + size, out + 2 * half);
}
