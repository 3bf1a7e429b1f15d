// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splits and merges chosen together by one objective in closed form, without running the block:
//   J = sum over merges of D(i, j)  +  sum over tokens of s_t(T)^2 / 12  *  sum over j of T_j^a
//   ||w_j||^2
// The first sum is what merging loses, the second the rounding error of the activation behind the
// weight: s_t is the step of token t, and the error of a channel is T_j steps when its copies round
// alike (a = 2) and one step when they have rounding offsets (a = 0).

#ifndef QLLM_SOLVER_REASSEMBLY_JOINTPLAN_H
#define QLLM_SOLVER_REASSEMBLY_JOINTPLAN_H

#include "qllm/Solver/Reassembly/Assembly.h"
#include "qllm/Solver/Reassembly/Disassembly.h"

namespace qllm {

struct JointPlanOptions {
  /// Copies that are free: the activation may grow by so many channels.
  int64_t extra = 0;
  /// Further copies, each paid for by a merge.
  int64_t merges = 0;
  int64_t bits = 4;
  bool offsets = true;
  SoftRangeOptions range;
};

struct JointPlan {
  std::vector<int64_t> parts;
  /// Disjoint merges of channels that are not split; indices in front of the split.
  std::vector<ChannelPair> pairs;
  double objectiveBefore = 0, objectiveAfter = 0;
};

/// Greedy on the marginal gain: the next copy goes where J falls most, as long as it falls by more
/// than the merge costs that makes room for it. Rows count relative to their mean square, in both
/// terms. s_t is 2 / (2^bits - 1) times the soft range of `partsBySoftRange`.
JointPlan planJointly(ThreadPool &pool, const MatrixF &x, const MatrixF &weight,
                      const JointPlanOptions &options, const std::vector<bool> &excluded = {});

} // namespace qllm

#endif // QLLM_SOLVER_REASSEMBLY_JOINTPLAN_H
