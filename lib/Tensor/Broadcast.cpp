// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/Broadcast.h"

using namespace qllm;

std::optional<Shape> qllm::broadcastShape(llvm::ArrayRef<llvm::ArrayRef<int64_t>> shapes) {
  size_t rank = 0;
  for (llvm::ArrayRef<int64_t> shape : shapes)
    rank = std::max(rank, shape.size());
  Shape result(rank, 1);
  for (llvm::ArrayRef<int64_t> shape : shapes)
    for (size_t i = 0; i < shape.size(); ++i) {
      int64_t &dim = result[rank - shape.size() + i];
      if (shape[i] == 1)
        continue;
      if (dim != 1 && dim != shape[i])
        return std::nullopt;
      dim = shape[i];
    }
  return result;
}

BroadcastLoop::BroadcastLoop(llvm::ArrayRef<int64_t> result,
                             llvm::ArrayRef<llvm::ArrayRef<int64_t>> operands)
    : operandCount(unsigned(operands.size())) {
  assert(operands.size() <= maxOperands && "too many operands");
  // From the innermost dimension out: merge while every operand keeps advancing or keeps standing
  // still.
  Shape sizes;
  std::array<Shape, maxOperands> steps;
  std::array<int64_t, maxOperands> extent;
  extent.fill(1);
  for (size_t back = 0; back < result.size(); ++back) {
    int64_t size = result[result.size() - 1 - back];
    std::array<bool, maxOperands> moves{};
    for (unsigned k = 0; k < operandCount; ++k)
      moves[k] = back < operands[k].size() && operands[k][operands[k].size() - 1 - back] != 1;
    if (size == 1)
      continue;
    bool merge = !sizes.empty();
    for (unsigned k = 0; merge && k < operandCount; ++k)
      merge = moves[k] == (steps[k].back() != 0);
    if (merge)
      sizes.back() *= size;
    else
      sizes.push_back(size);
    for (unsigned k = 0; k < operandCount; ++k) {
      if (!merge)
        steps[k].push_back(moves[k] ? extent[k] : 0);
      if (moves[k])
        extent[k] *= size;
    }
  }
  for (unsigned k = 0; k < operandCount; ++k)
    innerStride[k] = steps[k].empty() ? 1 : steps[k].front();
  if (sizes.empty())
    return;
  inner = sizes.front();
  outer.assign(sizes.rbegin(), sizes.rend() - 1);
  for (unsigned k = 0; k < operandCount; ++k)
    strides[k].assign(steps[k].rbegin(), steps[k].rend() - 1);
}

void BroadcastLoop::run(ThreadPool &pool,
                        llvm::function_ref<void(int64_t, const Offsets &, int64_t)> body) const {
  constexpr int64_t pieceSize = 32 * 1024;
  int64_t rows = 1;
  for (int64_t size : outer)
    rows *= size;
  if (rows == 0 || inner == 0)
    return;
  // Long runs are cut; short ones are handed out several at a time.
  int64_t cuts = std::max<int64_t>(1, inner / pieceSize);
  int64_t cut = (inner + cuts - 1) / cuts;
  int64_t grain = std::max<int64_t>(1, pieceSize / inner);
  pool.forRange(rows * cuts, grain, [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      int64_t row = piece / cuts, start = piece % cuts * cut;
      Offsets offsets{};
      int64_t rest = row;
      for (int64_t d = int64_t(outer.size()) - 1; d >= 0; --d) {
        int64_t index = rest % outer[d];
        rest /= outer[d];
        for (unsigned k = 0; k < operandCount; ++k)
          offsets[k] += index * strides[k][d];
      }
      for (unsigned k = 0; k < operandCount; ++k)
        offsets[k] += start * innerStride[k];
      if (start < inner)
        body(row * inner + start, offsets, std::min(cut, inner - start));
    }
  });
}
