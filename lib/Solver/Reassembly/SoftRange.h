// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The smooth range of tokens and what a copy of a channel takes off it.

#ifndef QLLM_LIB_SOLVER_REASSEMBLY_SOFTRANGE_H
#define QLLM_LIB_SOLVER_REASSEMBLY_SOFTRANGE_H

#include "qllm/Solver/Reassembly/Disassembly.h"

namespace qllm {

/// The root mean square of a row, never 0, so that a row of zeros stays zeros when divided by it.
float rootMeanSquare(llvm::ArrayRef<float> row);

/// sum over tokens t of (||x_t / T||_p / rms(x_t))^2 as a function of the counts T.
class SoftRange {
public:
  SoftRange(ThreadPool &pool, const MatrixF &x, const SoftRangeOptions &options,
            const std::vector<bool> &excluded);

  llvm::ArrayRef<int64_t> parts() const { return counts; }
  /// Rows of x that are looked at.
  int64_t tokens() const { return powers.rows(); }
  double value();
  /// To first order in the sums, how much a further copy of each channel takes off.
  std::vector<float> gains();
  void addCopy(int64_t channel);
  /// One further copy for each of the `copies` channels with the largest gains.
  void addBest(int64_t copies);

private:
  /// S_t = sum over j of |x_tj / (rms_t T_j)|^p.
  std::vector<float> tokenSums();

  ThreadPool &pool;
  double norm;
  /// |x / rms|^p.
  MatrixF powers;
  std::vector<int64_t> counts;
  /// T_j^-p.
  std::vector<float> shrink;
};

} // namespace qllm

#endif // QLLM_LIB_SOLVER_REASSEMBLY_SOFTRANGE_H
