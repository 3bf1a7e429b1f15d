// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Means in double, row after row: the same bits for any number of threads.

#include "qllm/Site/OutputStatistics.h"

#include <algorithm>

using namespace qllm;

OutputStatistics qllm::measureOutput(SiteState &state) {
  OutputStatistics result;
  MatrixF y = state.output();
  if (y.rows() == 0)
    return result;
  llvm::ArrayRef<float> first = y.rowValues(0);
  result.lowest = result.highest = first.vec();
  std::vector<double> sums(first.size());
  int64_t count = 0;
  for (int64_t row = 0; row < y.rows(); ++row) {
    bool isSink = size_t(row) < state.sinks.size() && state.sinks[size_t(row)];
    count += !isSink;
    for (auto [j, value] : llvm::enumerate(y.rowValues(row))) {
      result.lowest[j] = std::min(result.lowest[j], value);
      result.highest[j] = std::max(result.highest[j], value);
      if (!isSink)
        sums[j] += value;
    }
  }
  for (double sum : sums)
    result.mean.push_back(count ? float(sum / double(count)) : 0.0f);
  return result;
}
