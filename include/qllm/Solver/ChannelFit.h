// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Least squares channel by channel: a gain and a bias for each.

#ifndef QLLM_SOLVER_CHANNELFIT_H
#define QLLM_SOLVER_CHANNELFIT_H

#include "qllm/Support/Matrix.h"
#include <vector>

namespace qllm {

struct ChannelFit {
  std::vector<float> gain, bias;
};

/// For each column j the g and b that minimise
///   sum over rows t of (g x_tj + b - y_tj)^2 + ridge n var(x_j) (g - 1)^2,
/// n being the number of rows: g = (cov(x, y) + ridge var(x)) / ((1 + ridge) var(x)) and
/// b = mean(y) - g mean(x). A column of x that is constant keeps g = 1. Sums are in double. `x` and
/// `y` have the same shape.
ChannelFit fitChannels(const MatrixF &x, const MatrixF &y, double ridge);

} // namespace qllm

#endif // QLLM_SOLVER_CHANNELFIT_H
