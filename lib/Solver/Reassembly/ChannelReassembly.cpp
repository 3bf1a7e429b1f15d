// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splitting and merging of the channels of a matrix.

#include "qllm/Solver/Reassembly/ChannelReassembly.h"

#include "qllm/Support/ThreadPool.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace qllm;

namespace {

/// Calls `visit(channel, target)` for every channel behind the split.
template <typename Visit> void forCopies(const ChannelReassembly &reassembly, Visit visit) {
  int64_t copy = 0;
  for (int64_t channel = 0; channel < int64_t(reassembly.parts.size()); ++channel)
    for (int64_t part = 0; part < reassembly.parts[channel]; ++part, ++copy)
      visit(channel, reassembly.targets.empty() ? copy : reassembly.targets[copy]);
}

/// result[:, target] += x[:, channel] * factor, for all copies.
MatrixF gather(ThreadPool &pool, const MatrixF &x, const ChannelReassembly &reassembly, bool isInput) {
  struct Copy {
    int64_t channel, target;
    float divisor;
  };
  int64_t width = reassembly.width();
  // Most channels of the result have one member and are only moved.
  std::vector<Copy> first(width), further;
  std::vector<float> members(width, 0.0f);
  forCopies(reassembly, [&](int64_t channel, int64_t target) {
    Copy copy{channel, target, isInput ? float(reassembly.parts[channel]) : 1.0f};
    if (members[target]++ == 0)
      first[target] = copy;
    else
      further.push_back(copy);
  });
  std::vector<int64_t> merged;
  for (int64_t target = 0; target < width; ++target)
    if (members[target] > 1)
      merged.push_back(target);
  MatrixF result(x.rows(), width);
  auto gatherRow = [&](const float *in, float *out) {
    if (isInput)
      for (const Copy &copy : first)
        out[copy.target] = in[copy.channel] / copy.divisor;
    else
      for (const Copy &copy : first)
        out[copy.target] = in[copy.channel];
    for (const Copy &copy : further)
      out[copy.target] += in[copy.channel] / copy.divisor;
    if (isInput)
      for (int64_t target : merged)
        out[target] /= members[target];
  };
  pool.forRange(x.rows(), 32, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row)
      gatherRow(x.row(row), result.row(row));
  });
  return result;
}

} // namespace

int64_t ChannelReassembly::width() const {
  if (targets.empty())
    return std::accumulate(parts.begin(), parts.end(), int64_t(0));
  return *llvm::max_element(targets) + 1;
}

MatrixF qllm::reassembleInput(ThreadPool &pool, const MatrixF &x, const ChannelReassembly &reassembly) {
  return gather(pool, x, reassembly, /*isInput=*/true);
}

MatrixF qllm::reassembleWeight(ThreadPool &pool, const MatrixF &weight, const ChannelReassembly &reassembly) {
  return gather(pool, weight, reassembly, /*isInput=*/false);
}
