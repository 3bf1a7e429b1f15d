// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Norms of tokens against their median.

#include "qllm/Calibration/Sinks.h"

#include <algorithm>
#include <cmath>

using namespace qllm;

void SinkFinder::observe(const WindowValues &values) {
  if (values.isShared() || values.all().empty())
    return;
  for (const interp::Value &value : values.all()) {
    const Tensor *tensor = value.tensor();
    // A vector or a single channel has no tokens to compare.
    if (!tensor || tensor->type() != ElementType::F32 || tensor->rank() < 2 ||
        tensor->dim(tensor->rank() - 1) < 2)
      return;
  }
  std::vector<int64_t> borders{0};
  std::vector<double> norms;
  for (const interp::Value &value : values.all()) {
    const Tensor &tensor = *value.tensor();
    int64_t width = tensor.dim(tensor.rank() - 1), count = tensor.size() / width;
    for (int64_t row = 0; row < count; ++row) {
      double sum = 0;
      for (float x : tensor.values<float>().slice(size_t(row * width), size_t(width)))
        sum += double(x) * x;
      norms.push_back(std::sqrt(sum));
    }
    borders.push_back(borders.back() + count);
  }
  if (norms.empty())
    return;
  std::vector<double> sorted(norms);
  auto middle = sorted.begin() + sorted.size() / 2;
  std::nth_element(sorted.begin(), middle, sorted.end());
  if (!(*middle > 0))
    return;
  std::vector<bool> &marks = found[borders];
  marks.resize(norms.size());
  for (size_t row = 0; row < norms.size(); ++row)
    if (norms[row] > factor * *middle)
      marks[row] = true;
}

std::vector<bool> SinkFinder::rows(llvm::ArrayRef<int64_t> borders) const {
  auto marks = found.find(std::vector<int64_t>(borders));
  if (marks != found.end())
    return marks->second;
  return std::vector<bool>(borders.empty() ? 0 : size_t(borders.back()));
}

int64_t SinkFinder::count() const {
  int64_t most = 0;
  for (const auto &entry : found)
    most = std::max<int64_t>(most, std::count(entry.second.begin(), entry.second.end(), true));
  return most;
}
