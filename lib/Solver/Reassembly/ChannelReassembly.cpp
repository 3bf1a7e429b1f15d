// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splitting and merging of the channels of a matrix.

#include "qllm/Solver/Reassembly/ChannelReassembly.h"

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
MatrixF gather(const MatrixF &x, const ChannelReassembly &reassembly, bool isInput) {
  int64_t width = reassembly.width();
  std::vector<float> members(width, 0.0f);
  forCopies(reassembly, [&](int64_t, int64_t target) { ++members[target]; });
  MatrixF result(x.rows(), width);
  for (int64_t row = 0; row < x.rows(); ++row) {
    const float *in = x.row(row);
    float *out = result.row(row);
    forCopies(reassembly, [&](int64_t channel, int64_t target) {
      out[target] += isInput ? in[channel] / float(reassembly.parts[channel]) : in[channel];
    });
    if (isInput)
      for (int64_t target = 0; target < width; ++target)
        out[target] /= members[target];
  }
  return result;
}

} // namespace

int64_t ChannelReassembly::width() const {
  if (targets.empty())
    return std::accumulate(parts.begin(), parts.end(), int64_t(0));
  return *llvm::max_element(targets) + 1;
}

MatrixF qllm::reassembleInput(const MatrixF &x, const ChannelReassembly &reassembly) {
  return gather(x, reassembly, /*isInput=*/true);
}

MatrixF qllm::reassembleWeight(const MatrixF &weight, const ChannelReassembly &reassembly) {
  return gather(weight, reassembly, /*isInput=*/false);
}
