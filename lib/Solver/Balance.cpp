// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Balance.h"
#include "qllm/Solver/HadamardMap.h"
#include <cmath>

using namespace qllm;

ChannelMap qllm::balanceMap(const MatrixF &x, const MatrixF &weight,
                            const std::vector<bool> &skipped, double share) {
  int64_t channels = x.columns();
  std::vector<double> activation(size_t(channels), 0.0), columns(size_t(channels), 0.0);
  int64_t rows = 0;
  for (int64_t row = 0; row < x.rows(); ++row) {
    if (size_t(row) < skipped.size() && skipped[size_t(row)])
      continue;
    ++rows;
    for (int64_t j = 0; j < channels; ++j)
      activation[size_t(j)] += double(x(row, j)) * x(row, j);
  }
  for (int64_t row = 0; row < weight.rows(); ++row)
    for (int64_t j = 0; j < channels; ++j)
      columns[size_t(j)] += double(weight(row, j)) * weight(row, j);

  ChannelMap map;
  map.kind = ChannelMap::Kind::Scale;
  map.values.assign(size_t(channels), 1.0f);
  double logarithms = 0;
  int64_t counted = 0;
  std::vector<double> scales(size_t(channels), 0.0);
  for (size_t j = 0; j < size_t(channels); ++j) {
    double energy = activation[j] / double(std::max<int64_t>(rows, 1));
    if (!(energy > 0 && columns[j] > 0))
      continue;
    // Energies are squares.
    scales[j] = std::pow(energy, share / 2) / std::pow(columns[j], (1 - share) / 2);
    logarithms += std::log(scales[j]);
    ++counted;
  }
  double mean = counted ? std::exp(logarithms / double(counted)) : 1;
  for (size_t j = 0; j < size_t(channels); ++j)
    if (scales[j] > 0)
      map.values[j] = float(scales[j] / mean);
  return map;
}

llvm::Expected<std::vector<ChannelMap>> qllm::randomHadamard(int64_t channels, uint64_t seed) {
  return hadamardMaps(channels, /*block=*/0, seed);
}
