// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Errors of outputs and of predictions; all sums in double, and the same for any number of threads.

#include "Measuring.h"
#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/VectorMath.h"
#include <cmath>

using namespace qllm;
using namespace qllm::report;
using llvm::Error;
using llvm::Expected;

Error ErrorSums::add(const WindowValues &reference, const WindowValues &measured) {
  std::vector<int64_t> borders, others;
  Expected<MatrixF> x = toMatrix(reference, borders);
  if (!x)
    return x.takeError();
  Expected<MatrixF> y = toMatrix(measured, others);
  if (!y)
    return y.takeError();
  if (borders != others || x->columns() != y->columns())
    return llvm::createStringError("expected %lld rows of %lld channels as in the float model, but "
                                   "got %lld of %lld",
                                   (long long)x->rows(), (long long)x->columns(),
                                   (long long)y->rows(), (long long)y->columns());
  size_t channels = size_t(x->columns());
  signal.resize(channels);
  cross.resize(channels);
  energy.resize(channels);
  for (int64_t row = 0; row < x->rows(); ++row)
    for (size_t j = 0; j < channels; ++j) {
      double a = (*x)(row, int64_t(j)), b = (*y)(row, int64_t(j));
      signal[j] += a * a;
      cross[j] += a * b;
      energy[j] += b * b;
    }
  return Error::success();
}

double ErrorSums::relative(bool upToGains) const {
  double noise = 0, total = 0;
  for (size_t j = 0; j < signal.size(); ++j) {
    total += signal[j];
    // |a - g b|^2 with g = 1, or with the g that makes it least.
    noise += upToGains ? signal[j] - (energy[j] > 0 ? cross[j] * cross[j] / energy[j] : 0)
                       : signal[j] - 2 * cross[j] + energy[j];
  }
  return total > 0 ? std::max(0.0, noise) / total : 0;
}

namespace {

struct RowLoss {
  double logSum = 0, loss = 0;
};

/// The token that follows row `row` of all windows; -1 for the last of a window.
std::vector<int64_t> targetsOf(llvm::ArrayRef<int64_t> borders,
                               llvm::ArrayRef<std::vector<int64_t>> tokens) {
  std::vector<int64_t> targets(size_t(borders.back()), -1);
  for (size_t window = 0; window + 1 < borders.size() && window < tokens.size(); ++window)
    for (int64_t row = borders[window]; row + 1 < borders[window + 1]; ++row)
      targets[size_t(row)] = tokens[window][size_t(row - borders[window] + 1)];
  return targets;
}

} // namespace

Expected<Predictions> Predictions::create(ThreadPool &pool, const WindowValues &logits,
                                          std::vector<std::vector<int64_t>> tokens) {
  Predictions result;
  Expected<MatrixF> rows = toMatrix(logits, result.borders);
  if (!rows)
    return rows.takeError();
  result.probabilities = std::move(*rows);
  result.tokens = std::move(tokens);
  MatrixF &p = result.probabilities;
  std::vector<int64_t> targets = targetsOf(result.borders, result.tokens);
  if (llvm::any_of(targets, [&](int64_t target) { return target >= p.columns(); }))
    return llvm::createStringError("expected tokens below %lld", (long long)p.columns());
  result.negativeEntropy.resize(size_t(p.rows()));
  result.losses.resize(size_t(p.rows()));
  pool.forRange(p.rows(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      float *values = p.row(row);
      double logSum = vec::logSumExpRow(values, p.columns()), sum = 0;
      if (int64_t target = targets[size_t(row)]; target >= 0)
        result.losses[size_t(row)] = logSum - values[target];
      for (int64_t j = 0; j < p.columns(); ++j) {
        float logarithm = float(values[j] - logSum), probability = std::exp(logarithm);
        sum += double(probability) * logarithm;
        values[j] = probability;
      }
      result.negativeEntropy[size_t(row)] = sum;
    }
  });
  return result;
}

Expected<BlockLoss::Step> Predictions::compare(ThreadPool &pool, const WindowValues &logits) const {
  std::vector<int64_t> others;
  Expected<MatrixF> rows = toMatrix(logits, others);
  if (!rows)
    return rows.takeError();
  if (others != borders || rows->columns() != probabilities.columns())
    return llvm::createStringError("expected predictions of the float model's shape");
  std::vector<int64_t> targets = targetsOf(borders, tokens);
  std::vector<double> divergences(size_t(rows->rows())), changes(size_t(rows -> rows()));
  pool.forRange(rows->rows(), 4, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float *q = rows->row(row), *p = probabilities.row(row);
      double logSum = vec::logSumExpRow(q, rows->columns()), product = 0, mass = 0;
      for (int64_t j = 0; j < rows->columns(); ++j) {
        product += double(p[j]) * q[j];
        mass += p[j];
      }
      // sum of p (log p - log q); the probabilities of floats sum up to 1 but for rounding.
      divergences[size_t(row)] = negativeEntropy[size_t(row)] - product + mass * logSum;
      if (int64_t target = targets[size_t(row)]; target >= 0)
        changes[size_t(row)] = logSum - q[target] - losses[size_t(row)];
    }
  });
  BlockLoss::Step step;
  int64_t positions = 0;
  for (size_t row = 0; row < targets.size(); ++row) {
    step.divergence += divergences[row];
    step.lossChange += changes[row];
    positions += targets[row] >= 0;
  }
  step.divergence = std::max(0.0, step.divergence / std::max<double>(1, double(targets.size())));
  step.lossChange /= std::max<double>(1, double(positions));
  return step;
}
