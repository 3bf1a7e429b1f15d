// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which schedule a linear layer gets where nobody says one: a list of candidates and a model of
// what each costs. The model counts what the issue slots, the tensor cores and the memory of a
// target are busy with; it is for choosing, not for predicting times.

#ifndef QLLM_KERNELS_SCHEDULECHOICE_H
#define QLLM_KERNELS_SCHEDULECHOICE_H

#include "qllm/Kernels/BlockScaledKernel.h"
#include "qllm/Kernels/WeightOnlyKernel.h"

#include <optional>
#include <vector>

namespace qllm::kernels {

/// One candidate for a layer.
struct ScheduleCost {
  Schedule schedule;
  std::int64_t blocks = 0; ///< of the grid
  double cycles = 0;       ///< of one multiprocessor, for all of its blocks
  std::int64_t multiprocessors = 0;
  std::string str() const; ///< `128x128x64 on 2x4 warps, 4 stages: 12 blocks, 3456 cycles`
};

struct ScheduleChoice {
  /// The cheapest first; without any, `refusal` says why the first candidate does not work.
  std::vector<ScheduleCost> candidates;
  std::string refusal;
  /// The cheapest candidate with one tile or part after the other in each block, or with one tile
  /// for each; null if there is none.
  const ScheduleCost *best(bool streamed) const;
  /// Why the first candidate with producers does not work, if none does, on a target that has them.
  std::string producerRefusal;
};

/// Candidates for `kernel`, whose own schedule is not looked at, on `rows` rows. There is always
/// one for any number of rows beside those by stream-K, which are for `rows` rows at most.
ScheduleChoice chooseSchedule(LinearKernel kernel, const Target &target, std::int64_t rows);
ScheduleChoice chooseSchedule(WeightOnlyKernel kernel, const Target &target, std::int64_t rows);
ScheduleChoice chooseSchedule(BlockScaledKernel kernel, const Target &target, std::int64_t rows);

} // namespace qllm::kernels

#endif // QLLM_KERNELS_SCHEDULECHOICE_H
