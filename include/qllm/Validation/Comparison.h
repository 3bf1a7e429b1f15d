// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whether what a function computes after a rewrite is what it computed before.

#ifndef QLLM_VALIDATION_COMPARISON_H
#define QLLM_VALIDATION_COMPARISON_H

#include "qllm/Support/ThreadPool.h"
#include "qllm/Validation/LaneRun.h"
#include <string>

namespace qllm {

struct Difference {
  /// The largest one between two elements; infinite where shapes or types differ.
  double error = 0;
  /// What roundings explain: four times the largest effect of noise on either side, and one
  /// rounding of the result.
  double bound = 0;
  /// The largest magnitude before.
  double scale = 0;
  /// What differs that is no number: `tensor<2xf32> became tensor<3xf32>`.
  std::string text;

  bool holds() const { return error <= bound; }
};

/// Of the first lanes, by the noise that the others show. Without noisy lanes the bound is 0.
/// Integers that noise changes on either side may differ too. NaN agrees with NaN, an infinity with
/// itself.
Difference compare(ThreadPool &pool, const Lanes &before, const Lanes &after);

} // namespace qllm

#endif // QLLM_VALIDATION_COMPARISON_H
