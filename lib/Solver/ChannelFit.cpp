// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Means first, then centered moments: tokens of one channel may all lie far from zero.

#include "qllm/Solver/ChannelFit.h"

using namespace qllm;

static std::vector<double> columnMeans(const MatrixF &matrix) {
  std::vector<double> means(matrix.columns());
  for (int64_t t = 0; t < matrix.rows(); ++t)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      means[j] += matrix(t, j);
  for (double &mean : means)
    mean /= double(matrix.rows());
  return means;
}

ChannelFit qllm::fitChannels(const MatrixF &x, const MatrixF &y, double ridge) {
  int64_t channels = x.columns();
  ChannelFit fit{std::vector<float>(channels, 1.0f), std::vector<float>(channels, 0.0f)};
  if (x.rows() == 0)
    return fit;
  std::vector<double> meanX = columnMeans(x), meanY = columnMeans(y);
  std::vector<double> variance(channels), covariance(channels);
  for (int64_t t = 0; t < x.rows(); ++t)
    for (int64_t j = 0; j < channels; ++j) {
      double distance = x(t, j) - meanX[j];
      variance[j] += distance * distance;
      covariance[j] += distance * (y(t, j) - meanY[j]);
    }
  for (int64_t j = 0; j < channels; ++j) {
    if (variance[j] > 0)
      fit.gain[j] = float((covariance[j] + ridge * variance[j]) / ((1 + ridge) * variance[j]));
    fit.bias[j] = float(meanY[j] - fit.gain[j] * meanX[j]);
  }
  return fit;
}
