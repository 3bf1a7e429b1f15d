// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A split followed by a merge of channels, as a value: what `qllm.split_channels` and
// `qllm.merge_channels` compute, and what consumers of the channels absorb.

#ifndef QLLM_SOLVER_REASSEMBLY_CHANNELREASSEMBLY_H
#define QLLM_SOLVER_REASSEMBLY_CHANNELREASSEMBLY_H

#include "qllm/Support/Matrix.h"
#include <vector>

namespace qllm {

class ThreadPool;

struct ChannelReassembly {
  /// T of each channel.
  std::vector<int64_t> parts;
  /// For each channel behind the split, the channel of the result whose mean it is part of; empty
  /// for no merge.
  std::vector<int64_t> targets;

  /// Channels of the result.
  int64_t width() const;
};

/// Copies x_j / T_j, then the mean of what goes to one target.
MatrixF reassembleInput(ThreadPool &pool, const MatrixF &x, const ChannelReassembly &reassembly);

/// Columns repeated, then summed.
MatrixF reassembleWeight(ThreadPool &pool, const MatrixF &weight,
                         const ChannelReassembly &reassembly);

} // namespace qllm

#endif // QLLM_SOLVER_REASSEMBLY_CHANNELREASSEMBLY_H
