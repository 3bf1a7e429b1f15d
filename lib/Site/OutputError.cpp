// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Only |W d| matters, so W gives way to a square root of W^T W where that has fewer rows.

#include "qllm/Site/OutputError.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"

using namespace qllm;

namespace {

constexpr int64_t sampleRows = 1024;

/// A matrix M with |M d| = |W d| for every d (up to rounding) and as few rows as it takes.
llvm::Expected<MatrixF> metricOf(ThreadPool &pool, const MatrixF &weight) {
  if (weight.rows() <= weight.columns())
    return weight;
  MatrixD wide = toDouble(weight), square = productTransposedLeft(pool, wide, wide);
  if (!hasEnergy(square))
    return weight;
  llvm::Expected<MatrixD> lower = semidefiniteCholesky(pool, square, 1e-9);
  if (!lower)
    return lower.takeError();
  return toFloat(transposed(*lower));
}

/// About `sampleRows` rows at equal spacing. A sink is one direction, which rounding to nearest may
/// miss by far and error feedback gets right first: it would say nothing of what is left in the
/// end.
MatrixF sampleOf(const MatrixF &x, const std::vector<bool> &sinks) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < x.rows(); row += std::max<int64_t>(1, x.rows() / sampleRows))
    if (size_t(row) >= sinks.size() || !sinks[size_t(row)])
      rows.push_back(row);
  MatrixF result(int64_t(rows.size()), x.columns());
  for (auto [to, from] : llvm::enumerate(rows))
    std::copy_n(x.row(from), x.columns(), result.row(int64_t(to)));
  return result;
}

double energyOf(llvm::ArrayRef<float> row) {
  double energy = 0;
  for (float value : row)
    energy += double(value) * value;
  return energy;
}

} // namespace

OutputError::OutputError(ThreadPool &pool, MatrixF values, MatrixF weights)
    : pool(pool), sample(std::move(values)), metric(std::move(weights)) {
  MatrixF outputs = applyWeight(pool, sample, metric);
  for (int64_t row = 0; row < outputs.rows(); ++row)
    energies.push_back(energyOf(outputs.rowValues(row)));
}

llvm::Expected<OutputError> OutputError::create(SiteState &state) {
  llvm::Expected<MatrixF> metric = metricOf(state.pool, state.mappedWeight);
  if (!metric)
    return metric.takeError();
  return OutputError(state.pool, sampleOf(state.residual(), state.sinks), std::move(*metric));
}

double OutputError::of(const MatrixF &quantized) const {
  MatrixF difference = quantized;
  for (int64_t i = 0; i < difference.size(); ++i)
    difference.data()[i] -= sample.data()[i];
  MatrixF lost = applyWeight(pool, difference, metric);
  double sum = 0;
  for (int64_t row = 0; row < lost.rows(); ++row)
    sum += energyOf(lost.rowValues(row)) / std::max(energies[size_t(row)], 1e-6);
  return lost.rows() > 0 ? sum / double(lost.rows()) : 0;
}
