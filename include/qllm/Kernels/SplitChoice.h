// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Among how many blocks an attention shares the tokens of a sequence where nobody says it: a model
// of what each number costs. Like that of schedules it is for choosing, not for predicting times.

#ifndef QLLM_KERNELS_SPLITCHOICE_H
#define QLLM_KERNELS_SPLITCHOICE_H

#include "qllm/Kernels/AttentionKernel.h"
#include "qllm/Kernels/Target.h"

#include <string>
#include <vector>

namespace qllm::kernels {

/// One number of splits.
struct SplitCost {
  std::int64_t splits = 0;
  std::int64_t blocks = 0; ///< of the grid
  double cycles = 0;       ///< until the splits are put together
  std::int64_t multiprocessors = 0;
  std::string str() const; ///< `8 splits: 24 blocks, 4612 cycles`
};

/// All numbers of splits that there are kernels for, the cheapest first, and the fewest where
/// equal; only 1 where there are as many tiles as multiprocessors. For `rows` queries at the end of
/// `length` tokens, whatever splits `kernel` has.
std::vector<SplitCost> chooseSplits(const AttentionKernel &kernel, const Target &target,
                                    std::int64_t rows, std::int64_t length);

} // namespace qllm::kernels

#endif // QLLM_KERNELS_SPLITCHOICE_H
