// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Rounding.h"
#include "GroupRounder.h"
#include "Groups.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Tensor/Gemm.h"
#include "llvm/ADT/STLExtras.h"
#include <numeric>

using namespace qllm;
using detail::GroupRounder;
using detail::roundersOfRow;

namespace {

/// The columns of a row in the order of GPTQ, and what is known of their groups.
class RowsInOrder {
public:
  RowsInOrder(const MatrixF &weight, const GPTQFactor &factor, int64_t groupLength)
      : working(weight.rows(), weight.columns()), factor(factor) {
    for (int64_t column : factor.order)
      groups.push_back(column / groupLength);
    for (int64_t row = 0; row < weight.rows(); ++row)
      for (int64_t i = 0; i < weight.columns(); ++i)
        working(row, i) = weight(row, factor.order[size_t(i)]);
  }

  MatrixF working;
  const GPTQFactor &factor;
  std::vector<int64_t> groups;
};

/// Rounds columns [begin, end) of a row, each informed of the errors before it, and leaves the
/// errors. Returns the sum of their squares.
double roundBlockOfRow(RowsInOrder &rows, int64_t row, int64_t begin, int64_t end,
                       llvm::ArrayRef<GroupRounder> rounders, float *errors,
                       RoundedMatrix &result) {
  float *w = rows.working.row(row);
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    int64_t column = rows.factor.order[size_t(i)];
    uint8_t code;
    float rounded = rounders[size_t(rows.groups[size_t(i)])].round(w[i], code);
    result.codes(row, column) = code;
    result.values(row, column) = rounded;
    const float *feedback = rows.factor.upper.row(i);
    float error = (w[i] - rounded) / feedback[i];
    errors[i - begin] = error;
    sum += double(error) * error;
    for (int64_t l = i + 1; l < end; ++l)
      w[l] -= error * feedback[l];
  }
  return sum;
}

/// GPTQ with these scales.
RoundedMatrix roundWithScales(ThreadPool &pool, const MatrixF &weight, const RowFormat &format,
                              WeightScales scales, const GPTQFactor &factor, int64_t block) {
  int64_t rows = weight.rows(), columns = weight.columns();
  RoundedMatrix result{std::move(scales), Matrix<uint8_t>(rows, columns), MatrixF(rows, columns),
                       std::vector<double>(size_t(rows))};
  RowsInOrder ordered(weight, factor, std::max<int64_t>(1, format.groupLength(columns)));
  block = block > 0 ? block : columns;
  MatrixF errors(rows, std::min(block, columns));
  for (int64_t begin = 0; begin < columns; begin += block) {
    int64_t end = std::min(columns, begin + block);
    pool.forRange(rows, 16, [&](int64_t first, int64_t last) {
      for (int64_t row = first; row < last; ++row)
        result.errors[size_t(row)] += roundBlockOfRow(
            ordered, row, begin, end, roundersOfRow(format.spec, result.scales, row),
            errors.row(row), result);
    });
    if (end < columns)
      matmul(pool, rows, columns - end, end - begin, -1, {errors.data(), errors.columns(), false},
             {factor.upper.row(begin) + end, columns, false}, 1, ordered.working.data() + end,
             columns);
  }
  return result;
}

/// Rows of `other` with less error replace those of `best`; all or none where they share a scale.
void keepBetterRows(RoundedMatrix other, bool oneScale, RoundedMatrix &best) {
  auto total = [](const RoundedMatrix &matrix) {
    return std::accumulate(matrix.errors.begin(), matrix.errors.end(), 0.0);
  };
  if (oneScale) {
    if (total(other) < total(best))
      best = std::move(other);
    return;
  }
  for (int64_t row = 0; row < best.values.rows(); ++row) {
    if (!(other.errors[size_t(row)] < best.errors[size_t(row)]))
      continue;
    best.errors[size_t(row)] = other.errors[size_t(row)];
    llvm::copy(other.values.rowValues(row), best.values.row(row));
    llvm::copy(other.codes.rowValues(row), best.codes.row(row));
    llvm::copy(other.scales.scales.rowValues(row), best.scales.scales.row(row));
  }
}

} // namespace

llvm::Expected<RoundedMatrix> qllm::roundNearest(ThreadPool &pool, const MatrixF &weight,
                                                 const RowFormat &format, WeightScales scales) {
  RoundedMatrix result{std::move(scales), Matrix<uint8_t>(weight.rows(), weight.columns()),
                       MatrixF(weight.rows(), weight.columns())};
  float tensorScale = result.scales.tensorScale;
  llvm::Error error =
      detail::forEachGroup(pool, weight, format, [&](const detail::GroupPlace &place) {
        size_t length = size_t(place.length);
        GroupParameters parameters = result.scales.at(place.row, place.group);
        Span<uint8_t> codes(result.codes.row(place.row) + place.begin, length);
        FormatStatus status =
            encodeGroup(format.spec, parameters, {weight.row(place.row) + place.begin, length},
                        codes, tensorScale);
        return status
                   ? decodeGroup(format.spec, parameters, codes,
                                 {result.values.row(place.row) + place.begin, length}, tensorScale)
                   : status;
      });
  if (error)
    return std::move(error);
  return result;
}

llvm::Expected<GPTQFactor> qllm::prepareGPTQ(ThreadPool &pool, MatrixD hessian,
                                             const RoundingOptions &options) {
  int64_t n = hessian.rows();
  for (int64_t j = 0; j < n && n == hessian.columns(); ++j)
    if (hessian(j, j) == 0)
      hessian(j, j) = 1;
  GPTQFactor factor;
  factor.order.resize(size_t(n));
  std::iota(factor.order.begin(), factor.order.end(), 0);
  if (options.actOrder && n == hessian.columns())
    llvm::sort(factor.order, [&](int64_t a, int64_t b) {
      return hessian(a, a) != hessian(b, b) ? hessian(a, a) > hessian(b, b) : a < b;
    });
  addRelativeDiagonal(hessian, options.damp);
  MatrixD ordered(n, hessian.columns());
  for (int64_t i = 0; i < n && n == hessian.columns(); ++i)
    for (int64_t j = 0; j < n; ++j)
      ordered(i, j) = hessian(factor.order[size_t(i)], factor.order[size_t(j)]);
  llvm::Expected<MatrixD> upper = upperFactorOfInverse(pool, ordered);
  if (!upper)
    return upper.takeError();
  factor.upper = toFloat(*upper);
  return factor;
}

llvm::Expected<RoundedMatrix> qllm::roundGPTQ(ThreadPool &pool, const MatrixF &weight,
                                              const RowFormat &format, WeightScales scales,
                                              const GPTQFactor &factor,
                                              const RoundingOptions &options) {
  int64_t columns = weight.columns();
  if (factor.upper.rows() != columns)
    return llvm::createStringError(
        "expected a factor for %lld input channels, but got one for %lld", (long long)columns,
        (long long)factor.upper.rows());
  ValueRange range;
  if (FormatStatus status = scanRange(weight.values(), range); !status)
    return llvm::createStringError(status.message());
  RoundedMatrix best = roundWithScales(pool, weight, format, scales, factor, options.block);
  for (float ratio : options.scaleRatios) {
    WeightScales candidate = scales;
    for (int64_t i = 0; i < candidate.scales.size(); ++i)
      candidate.scales.data()[i] =
          roundScale(format.spec.scaleFormat, candidate.scales.data()[i] * ratio);
    keepBetterRows(
        roundWithScales(pool, weight, format, std::move(candidate), factor, options.block),
        format.perTensor, best);
  }
  return best;
}

double qllm::outputError(ThreadPool &pool, const MatrixF &weight, const MatrixF &rounded,
                         const MatrixD &hessian) {
  MatrixF difference = weight;
  for (int64_t i = 0; i < difference.size(); ++i)
    difference.data()[i] -= rounded.data()[i];
  // The Hessian is symmetric.
  MatrixF image = applyWeight(pool, difference, toFloat(hessian));
  double sum = 0;
  for (int64_t i = 0; i < image.size(); ++i)
    sum += double(image.data()[i]) * difference.data()[i];
  return sum;
}
