// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Counts of copies: the published rule and the ones that look at the typical token.

#include "qllm/Solver/Reassembly/Disassembly.h"

#include "SoftRange.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>

using namespace qllm;
using llvm::ArrayRef;

namespace {

std::vector<float> maximaOf(const MatrixF &x, const std::vector<bool> &excluded, bool normalize) {
  std::vector<float> maxima(x.columns(), 0.0f);
  for (int64_t t = 0; t < x.rows(); ++t) {
    if (!excluded.empty() && excluded[t])
      continue;
    float divisor = normalize ? rootMeanSquare(x.rowValues(t)) : 1.0f;
    for (int64_t j = 0; j < x.columns(); ++j)
      maxima[j] = std::max(maxima[j], std::fabs(x(t, j)) / divisor);
  }
  return maxima;
}

} // namespace

std::vector<float> qllm::channelMaxima(const MatrixF &x, const std::vector<bool> &excluded) {
  return maximaOf(x, excluded, /*normalize=*/false);
}

std::vector<float> qllm::normalizedMaxima(const MatrixF &x, const std::vector<bool> &excluded) {
  return maximaOf(x, excluded, /*normalize=*/true);
}

std::vector<int64_t> qllm::partsForThreshold(ArrayRef<float> maxima, double threshold) {
  // Beyond this a threshold is as good as zero; the limit keeps the conversion defined.
  constexpr float limit = 0x1p30f;
  std::vector<int64_t> parts(maxima.size(), 1);
  if (!(float(threshold) > 0))
    return parts;
  for (size_t j = 0; j < maxima.size(); ++j)
    parts[j] = int64_t(std::clamp(std::ceil(maxima[j] / float(threshold)), 1.0f, limit));
  return parts;
}

int64_t qllm::addedChannels(ArrayRef<int64_t> parts) {
  int64_t added = 0;
  for (int64_t part : parts)
    added += part - 1;
  return added;
}

std::vector<int64_t> qllm::partsByMaximum(ArrayRef<float> maxima, int64_t extra) {
  if (maxima.empty())
    return {};
  // The largest maximum adds nothing, so it is always allowed.
  double low = 0, high = *llvm::max_element(maxima);
  for (int step = 0; step < 40; ++step) {
    double middle = (low + high) / 2;
    if (addedChannels(partsForThreshold(maxima, middle)) > extra)
      low = middle;
    else
      high = middle;
  }
  return partsForThreshold(maxima, high);
}

std::vector<int64_t> qllm::partsBySoftRange(ThreadPool &pool, const MatrixF &x, int64_t extra,
                                            const SoftRangeOptions &options) {
  if (x.columns() == 0)
    return {};
  SoftRange range(pool, x, options, /*excluded=*/{});
  int64_t round = std::clamp<int64_t>(extra / std::max<int64_t>(1, options.rounds), 1, x.columns());
  for (int64_t left = extra; left > 0; left -= round)
    range.addBest(std::min(round, left));
  return range.parts().vec();
}

int64_t qllm::extraChannels(int64_t channels, double budget, int64_t tile) {
  int64_t extra = int64_t(budget * double(channels));
  if (tile > 1)
    extra += (tile - (channels + extra) % tile) % tile;
  return extra;
}
