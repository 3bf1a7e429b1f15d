// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/WeightRange.h"
#include "GroupRounder.h"
#include "Groups.h"
#include "qllm/Numerics/Products.h"
#include <cmath>

using namespace qllm;
using detail::forEachGroup;
using detail::GroupPlace;
using detail::GroupRounder;

namespace {

std::vector<float> ratiosOf(const RangeOptions &options, const QuantizeSpec &spec) {
  if (!options.ratios.empty())
    return options.ratios;
  if (spec.element->kind() == ElementKind::Minifloat)
    return {1.5f, 1.25f, 0.9f, 0.8f, 0.7f};
  std::vector<float> ratios;
  for (int i = 1; i <= 12; ++i)
    ratios.push_back(float(1 - 0.04 * i));
  return ratios;
}

ValueRange scaled(const ValueRange &range, float ratio) {
  return {range.min * ratio, range.max * ratio, false};
}

/// The range between two quantiles of the values, or of their magnitudes.
ValueRange percentileRange(Span<const float> values, bool symmetric, double percentile) {
  std::vector<float> sorted(values.begin(), values.end());
  if (symmetric)
    for (float &value : sorted)
      value = std::fabs(value);
  std::sort(sorted.begin(), sorted.end());
  auto at = [&](double fraction) {
    double position = std::clamp(fraction, 0.0, 1.0) * double(sorted.size() - 1);
    size_t below = size_t(position);
    double weight = position - double(below);
    float next = sorted[std::min(below + 1, sorted.size() - 1)];
    return float((1 - weight) * sorted[below] + weight * next);
  };
  if (symmetric)
    return {-at(percentile), at(percentile), false};
  return {at(1 - percentile), at(percentile), false};
}

class ScaleSearch {
public:
  ScaleSearch(ThreadPool &pool, const MatrixF &weight, const RowFormat &format,
              const RangeOptions &options, const MatrixD *hessian, WeightScales &result)
      : pool(pool), weight(weight), format(format), options(options), hessian(hessian),
        result(result), ratios(ratiosOf(options, format.spec)) {}

  llvm::Error run() {
    if (options.method == RangeMethod::Hessian)
      for (int64_t j = 0; j < weight.columns(); ++j)
        columnWeights.push_back(float((*hessian)(j, j)));
    bool perGroup = options.method != RangeMethod::Output;
    llvm::Error error = forEachGroup(pool, weight, format, [&](const GroupPlace &place) {
      ValueRange range;
      FormatStatus status = initial(place, range);
      return status && perGroup && searches() ? search(place, range) : status;
    });
    return error || perGroup ? std::move(error) : searchOutput();
  }

private:
  bool searches() const {
    return options.method == RangeMethod::MSE || options.method == RangeMethod::Hessian;
  }

  Span<const float> valuesOf(const GroupPlace &place) const {
    return {weight.row(place.row) + place.begin, size_t(place.length)};
  }

  FormatStatus parametersFor(const ValueRange &range, GroupParameters &parameters) const {
    return computeRangeParameters(format.spec, range, parameters, result.tensorScale);
  }

  void put(const GroupPlace &place, GroupParameters parameters) {
    result.scales(place.row, place.group) = parameters.scale;
    result.zeroPoints(place.row, place.group) = parameters.zeroPoint;
  }

  FormatStatus initial(const GroupPlace &place, ValueRange &range) {
    Span<const float> values = valuesOf(place);
    GroupParameters parameters;
    FormatStatus status = scanRange(values, range);
    if (!status)
      return status;
    if (options.method == RangeMethod::Percentile)
      range = percentileRange(values, format.spec.symmetric, options.percentile);
    // The mean magnitude is no matter of the range.
    status = format.spec.statistic == ScaleStatistic::AbsMean
                 ? computeParameters(format.spec, values, parameters, result.tensorScale)
                 : parametersFor(range, parameters);
    if (status)
      put(place, parameters);
    return status;
  }

  FormatStatus search(const GroupPlace &place, const ValueRange &range) {
    if (format.spec.statistic == ScaleStatistic::AbsMean)
      return FormatStatus();
    Span<const float> values = valuesOf(place);
    const float *weights = columnWeights.empty() ? nullptr : columnWeights.data() + place.begin;
    auto errorOf = [&](GroupParameters parameters) {
      return GroupRounder(format.spec, parameters, result.tensorScale).error(values, weights);
    };
    float best = errorOf(result.at(place.row, place.group));
    for (float ratio : ratios) {
      GroupParameters parameters;
      if (FormatStatus status = parametersFor(scaled(range, ratio), parameters); !status)
        return status;
      if (float error = errorOf(parameters); error < best) {
        best = error;
        put(place, parameters);
      }
    }
    return FormatStatus();
  }

  /// (w - w^) H_gg (w - w^)^T of every group for the scales of `candidate`.
  llvm::Expected<MatrixD> outputErrors(const WeightScales &candidate) {
    MatrixF difference(weight.rows(), weight.columns());
    llvm::Error error = forEachGroup(pool, weight, format, [&](const GroupPlace &place) {
      GroupRounder rounder(format.spec, candidate.at(place.row, place.group),
                           candidate.tensorScale);
      for (int64_t j = place.begin; j < place.begin + place.length; ++j) {
        uint8_t code;
        difference(place.row, j) = weight(place.row, j) - rounder.round(weight(place.row, j), code);
      }
      return FormatStatus();
    });
    if (error)
      return std::move(error);
    MatrixD errors(weight.rows(), result.scales.columns()), wide = toDouble(difference);
    int64_t columns = weight.columns(), length = format.groupLength(columns);
    MatrixD image(weight.rows(), std::min(length, columns));
    for (int64_t group = 0, begin = 0; begin < columns; ++group, begin += length) {
      int64_t count = std::min(length, columns - begin);
      multiply(pool, weight.rows(), count, count, 1, {wide.data() + begin, columns},
               {hessian->row(begin) + begin, columns}, 0, image.data(), image.columns());
      for (int64_t row = 0; row < weight.rows(); ++row)
        for (int64_t j = 0; j < count; ++j)
          errors(row, group) += wide(row, begin + j) * image(row, j);
    }
    return errors;
  }

  llvm::Error searchOutput() {
    if (format.spec.statistic == ScaleStatistic::AbsMean)
      return llvm::Error::success();
    llvm::Expected<MatrixD> best = outputErrors(result);
    if (!best)
      return best.takeError();
    for (float ratio : ratios) {
      WeightScales candidate = result;
      llvm::Error error = forEachGroup(pool, weight, format, [&](const GroupPlace &place) {
        ValueRange range;
        GroupParameters parameters;
        FormatStatus status = scanRange(valuesOf(place), range);
        if (status)
          status = parametersFor(scaled(range, ratio), parameters);
        candidate.scales(place.row, place.group) = parameters.scale;
        candidate.zeroPoints(place.row, place.group) = parameters.zeroPoint;
        return status;
      });
      if (error)
        return error;
      llvm::Expected<MatrixD> errors = outputErrors(candidate);
      if (!errors)
        return errors.takeError();
      for (int64_t i = 0; i < errors->size(); ++i)
        if (errors->data()[i] < best->data()[i]) {
          best->data()[i] = errors->data()[i];
          result.scales.data()[i] = candidate.scales.data()[i];
          result.zeroPoints.data()[i] = candidate.zeroPoints.data()[i];
        }
    }
    return llvm::Error::success();
  }

  ThreadPool &pool;
  const MatrixF &weight;
  const RowFormat &format;
  const RangeOptions &options;
  const MatrixD *hessian;
  WeightScales &result;
  std::vector<float> ratios, columnWeights;
};

/// One scale for the matrix: the search sees it as one row.
llvm::Expected<WeightScales> chooseTensorScale(ThreadPool &pool, const MatrixF &weight,
                                               RowFormat format, RangeOptions options,
                                               const MatrixD *hessian) {
  // The Hessian is about columns, which one long row does not have.
  if (options.needsHessian())
    options.method = RangeMethod::MSE;
  format.perTensor = false;
  format.groupSize = 0;
  MatrixF row(1, weight.size(), weight.values());
  llvm::Expected<WeightScales> one = chooseScales(pool, row, format, options, hessian);
  if (!one)
    return one.takeError();
  WeightScales result;
  result.scales = MatrixF(weight.rows(), 1, one->scales(0, 0));
  result.zeroPoints = Matrix<int32_t>(weight.rows(), 1, one->zeroPoints(0, 0));
  result.tensorScale = one->tensorScale;
  return result;
}

} // namespace

llvm::Expected<WeightScales> qllm::chooseScales(ThreadPool &pool, const MatrixF &weight,
                                                const RowFormat &format,
                                                const RangeOptions &options,
                                                const MatrixD *hessian) {
  if (options.needsHessian() && (!hessian || hessian->columns() != weight.columns()))
    return llvm::createStringError(
        "expected the second moment of %lld input channels for this choice of ranges, but got %lld",
        (long long)weight.columns(), hessian ? (long long)hessian->columns() : 0LL);
  if (format.perTensor && weight.size() > 0)
    return chooseTensorScale(pool, weight, format, options, hessian);
  WeightScales result;
  int64_t groups = format.groupsOf(weight.columns());
  result.scales = MatrixF(weight.rows(), groups, 1);
  result.zeroPoints = Matrix<int32_t>(weight.rows(), groups);
  if (format.spec.hasTensorScale) {
    ValueRange range;
    if (FormatStatus status = scanRange(weight.values(), range); !status)
      return llvm::createStringError(status.message());
    result.tensorScale = tensorScaleFor(format.spec, range.absMax());
  }
  if (llvm::Error error = ScaleSearch(pool, weight, format, options, hessian, result).run())
    return std::move(error);
  return result;
}
