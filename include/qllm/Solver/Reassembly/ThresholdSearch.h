// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The published search for the outlier threshold theta of one site (QLLM, arXiv 2310.08041, section
// 4.3 and the authors' code): of all thresholds on a grid, the one under which the block function's
// quantized output is nearest to the float one.

#ifndef QLLM_SOLVER_REASSEMBLY_THRESHOLDSEARCH_H
#define QLLM_SOLVER_REASSEMBLY_THRESHOLDSEARCH_H

#include "qllm/Solver/Reassembly/Assembly.h"
#include "qllm/Solver/Reassembly/ChannelReassembly.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

struct ThresholdSearchProblem {
  /// The activation on the rows that the loss looks at [tokens, channels].
  const MatrixF &input;
  /// Largest magnitude of each channel over all of the calibration.
  llvm::ArrayRef<float> maxima;
  /// All consumers below each other [outputs, channels].
  const MatrixF &weight;
  /// Replace values by what quantization makes of them.
  llvm::function_ref<llvm::Error(MatrixF &)> quantizeInput, quantizeWeight;
  /// Whether codes of one column never depend on how often another one is repeated: true for
  /// min-max ranges over whole rows. The copies are then never written out.
  bool rangePerRow = true;
  /// Distance of the block function for these products [tokens, outputs] to the float one.
  llvm::function_ref<llvm::Expected<double>(MatrixF)> loss;
};

struct ThresholdSearchOptions {
  /// At most floor(ratio * channels) are added.
  double ratio = 0.2;
  /// Whether to leave the site alone is a candidate too. The published search has no such candidate
  /// and so makes some sites worse.
  bool considerNone = false;
  PairScore score = PairScore::Published;
  /// The finest grid: the number of steps is max(100, floor(max m / stepSize)).
  double stepSize = 0.5;
};

struct ThresholdChoice {
  double threshold = 0;
  ChannelReassembly reassembly;
  std::vector<ChannelPair> pairs; ///< indices of channels behind the split
  int64_t added = 0;              ///< 0: left alone
  double lossBefore = 0, lossAfter = 0;
  int64_t candidates = 0;
};

/// From max m downwards in steps (max m - min m) / P, P = max(100, floor(max m / 0.5)), until more
/// channels are added than the ratio allows; a threshold that changes no count is skipped. While
/// searching, channels are merged first and split afterwards; for the result, split first and then
/// merged by a matching on the split channels, as the authors' code does. `lossAfter` is that of
/// the search.
llvm::Expected<ThresholdChoice> searchThreshold(ThreadPool &pool,
                                                const ThresholdSearchProblem &problem,
                                                const ThresholdSearchOptions &options);

/// The counts and pairs of a given threshold, without a search.
ThresholdChoice reassembleAtThreshold(ThreadPool &pool, const MatrixF &input, const MatrixF &weight,
                                      llvm::ArrayRef<float> maxima, double threshold,
                                      PairScore score);

} // namespace qllm

#endif // QLLM_SOLVER_REASSEMBLY_THRESHOLDSEARCH_H
