// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Rounding.h"
#include "RandomMatrix.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Solver/InputQuantizer.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>
#include <numeric>

using namespace qllm;

namespace {

RowFormat blockFormat(ScaleFormat scale, int64_t group, bool tensorScale) {
  RowFormat format;
  format.spec.element = &ElementFormat::e2m1();
  format.spec.scaleFormat = scale;
  format.spec.hasTensorScale = tensorScale;
  format.groupSize = group;
  return format;
}

/// Every kind of format a weight may have.
std::vector<RowFormat> formats() {
  RowFormat perTensor = integerRows(8, true);
  perTensor.perTensor = true;
  return {integerRows(4, false),
          integerRows(3, true),
          integerRows(4, false, 16),
          perTensor,
          blockFormat(ScaleFormat::E4M3, 16, true),
          blockFormat(ScaleFormat::UE8M0, 32, false)};
}

template <typename T> T require(llvm::Expected<T> value) {
  if (!value) {
    ADD_FAILURE() << llvm::toString(value.takeError());
    return T();
  }
  return std::move(*value);
}

WeightScales scalesOf(ThreadPool &pool, const MatrixF &weight, const RowFormat &format,
                      RangeMethod method, const MatrixD *hessian = nullptr) {
  RangeOptions options;
  options.method = method;
  return require(chooseScales(pool, weight, format, options, hessian));
}

/// GPTQ as it is written in the paper, one column after the other, the inverse formed anew for the
/// columns that are left (equation 2), no factor and no blocks.
MatrixF columnByColumn(const MatrixF &weight, const RowFormat &format, const WeightScales &scales,
                       MatrixD hessian, const std::vector<int64_t> &order) {
  ThreadPool pool(1);
  MatrixD w = toDouble(weight);
  MatrixF result(weight.rows(), weight.columns());
  for (size_t step = 0; step < order.size(); ++step) {
    std::vector<int64_t> left(order.begin() + int64_t(step), order.end());
    MatrixD part(int64_t(left.size()), int64_t(left.size()));
    for (size_t i = 0; i < left.size(); ++i)
      for (size_t j = 0; j < left.size(); ++j)
        part(int64_t(i), int64_t(j)) = hessian(left[i], left[j]);
    MatrixD inverse = choleskyInverse(pool, require(cholesky(pool, part)));
    int64_t column = left[0], group = column / format.groupLength(weight.columns());
    for (int64_t row = 0; row < weight.rows(); ++row) {
      float value = float(w(row, column)), rounded;
      uint8_t code;
      GroupParameters parameters = scales.at(row, group);
      EXPECT_TRUE(
          bool(encodeGroup(format.spec, parameters, {&value, 1}, {&code, 1}, scales.tensorScale)));
      EXPECT_TRUE(bool(
          decodeGroup(format.spec, parameters, {&code, 1}, {&rounded, 1}, scales.tensorScale)));
      result(row, column) = rounded;
      double error = (w(row, column) - rounded) / inverse(0, 0);
      for (size_t l = 1; l < left.size(); ++l)
        w(row, left[l]) -= error * inverse(0, int64_t(l));
    }
  }
  return result;
}

TEST(Nearest, CodesAndValuesAgree) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(6, 64, 1);
  for (const RowFormat &format : formats()) {
    RoundedMatrix rounded = require(
        roundNearest(pool, weight, format, scalesOf(pool, weight, format, RangeMethod::MinMax)));
    for (int64_t row = 0; row < weight.rows(); ++row)
      for (int64_t j = 0; j < weight.columns(); ++j) {
        float value;
        GroupParameters parameters =
            rounded.scales.at(row, j / format.groupLength(weight.columns()));
        ASSERT_TRUE(bool(decodeGroup(format.spec, parameters, {rounded.codes.row(row) + j, 1},
                                     {&value, 1}, rounded.scales.tensorScale)));
        ASSERT_EQ(value, rounded.values(row, j));
      }
  }
}

// A constant column error of half a step cannot be told apart: integers on the grid stay.
TEST(Nearest, GridPointsAreExact) {
  ThreadPool pool(1);
  MatrixF weight(1, 16);
  std::iota(weight.data(), weight.data() + 16, -3.0f);
  RowFormat format = integerRows(4, false);
  RoundedMatrix rounded = require(
      roundNearest(pool, weight, format, scalesOf(pool, weight, format, RangeMethod::MinMax)));
  EXPECT_EQ(rounded.scales.scales(0, 0), 1);
  EXPECT_EQ(rounded.scales.zeroPoints(0, 0), 3);
  EXPECT_EQ(rounded.values.values(), weight.values());
}

TEST(Ranges, SearchNeverLosesAgainstMinMax) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(9, 64, 2), x = activations(100, 64, 3);
  MatrixD hessian = gram(pool, x);
  auto errorBy = [&](RangeMethod method, const RowFormat &format, bool weighted) {
    RoundedMatrix rounded = require(
        roundNearest(pool, weight, format, scalesOf(pool, weight, format, method, &hessian)));
    double error = 0;
    for (int64_t i = 0; i < weight.rows(); ++i)
      for (int64_t j = 0; j < weight.columns(); ++j)
        error += std::pow(double(weight(i, j)) - rounded.values(i, j), 2) *
                 (weighted ? hessian(j, j) : 1);
    return error;
  };
  for (const RowFormat &format : formats()) {
    EXPECT_LE(errorBy(RangeMethod::MSE, format, false),
              errorBy(RangeMethod::MinMax, format, false) * (1 + 1e-6));
    if (!format.perTensor)
      EXPECT_LE(errorBy(RangeMethod::Hessian, format, true),
                errorBy(RangeMethod::MinMax, format, true) * (1 + 1e-6));
  }
  // What the output grid minimizes is the output error itself where a row is one group.
  RowFormat rows = integerRows(3, false);
  auto outputErrorBy = [&](RangeMethod method) {
    RoundedMatrix rounded =
        require(roundNearest(pool, weight, rows, scalesOf(pool, weight, rows, method, &hessian)));
    return outputError(pool, weight, rounded.values, hessian);
  };
  EXPECT_LE(outputErrorBy(RangeMethod::Output), outputErrorBy(RangeMethod::MinMax));
  EXPECT_LE(outputErrorBy(RangeMethod::Output), outputErrorBy(RangeMethod::MSE));
}

TEST(Ranges, PercentileDropsTheTail) {
  ThreadPool pool(1);
  MatrixF weight(1, 101);
  std::iota(weight.data(), weight.data() + 101, 0.0f);
  weight(0, 100) = 1000;
  RangeOptions options;
  options.method = RangeMethod::Percentile;
  options.percentile = 0.9;
  WeightScales scales =
      require(chooseScales(pool, weight, integerRows(4, false), options, nullptr));
  EXPECT_FLOAT_EQ(scales.scales(0, 0), (90.0f - 10.0f) / 15);
}

TEST(Ranges, SayWhatTheyNeed) {
  ThreadPool pool(1);
  RangeOptions options;
  options.method = RangeMethod::Output;
  auto scales = chooseScales(pool, MatrixF(2, 3), integerRows(4, false), options, nullptr);
  EXPECT_EQ(llvm::toString(scales.takeError()), "expected the second moment of 3 input channels "
                                                "for this choice of ranges, but got 0");
}

TEST(GPTQ, EqualsTheColumnByColumnForm) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(7, 48, 4), x = activations(80, 48, 5);
  MatrixD hessian = gram(pool, x);
  for (const RowFormat &format : formats())
    for (bool actOrder : {false, true}) {
      RoundingOptions options;
      options.actOrder = actOrder;
      options.block = 16;
      GPTQFactor factor = require(prepareGPTQ(pool, hessian, options));
      WeightScales scales = scalesOf(pool, weight, format, RangeMethod::MSE);
      RoundedMatrix rounded = require(roundGPTQ(pool, weight, format, scales, factor, options));
      MatrixD damped = hessian;
      addRelativeDiagonal(damped, options.damp);
      MatrixF wanted = columnByColumn(weight, format, scales, damped, factor.order);
      EXPECT_EQ(rounded.values.values(), wanted.values());
    }
}

TEST(GPTQ, LosesLessThanNearest) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(40, 96, 6), x = activations(300, 96, 7);
  MatrixD hessian = gram(pool, x);
  RoundingOptions options;
  GPTQFactor factor = require(prepareGPTQ(pool, hessian, options));
  for (const RowFormat &format : formats()) {
    WeightScales scales = scalesOf(pool, weight, format, RangeMethod::MinMax);
    MatrixF nearest = require(roundNearest(pool, weight, format, scales)).values;
    MatrixF gptq = require(roundGPTQ(pool, weight, format, scales, factor, options)).values;
    EXPECT_LE(outputError(pool, weight, gptq, hessian),
              outputError(pool, weight, nearest, hessian));
  }
}

TEST(GPTQ, TellsTheErrorOfEveryRow) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(6, 48, 11);
  MatrixD hessian = gram(pool, activations(90, 48, 12)), damped = hessian;
  RoundingOptions options;
  options.block = 16;
  addRelativeDiagonal(damped, options.damp);
  GPTQFactor factor = require(prepareGPTQ(pool, hessian, options));
  for (const RowFormat &format : formats()) {
    RoundedMatrix rounded = require(roundGPTQ(
        pool, weight, format, scalesOf(pool, weight, format, RangeMethod::MSE), factor, options));
    for (int64_t row = 0; row < weight.rows(); ++row) {
      MatrixF one(1, 48, weight.rowValues(row)), got(1, 48, rounded.values.rowValues(row));
      double wanted = outputError(pool, one, got, damped);
      EXPECT_NEAR(rounded.errors[size_t(row)], wanted, 1e-3 * wanted);
    }
  }
}

// Each row has what GPTQ makes of one of its scales, and none is worse off.
TEST(GPTQ, KeepsTheBestOfSeveralScales) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(24, 64, 13);
  MatrixD hessian = gram(pool, activations(200, 64, 14));
  RoundingOptions one, several;
  several.scaleRatios = {0.8f, 0.9f, 1.1f};
  GPTQFactor factor = require(prepareGPTQ(pool, hessian, one));
  for (const RowFormat &format : formats()) {
    WeightScales scales = scalesOf(pool, weight, format, RangeMethod::MinMax);
    RoundedMatrix before = require(roundGPTQ(pool, weight, format, scales, factor, one));
    RoundedMatrix after = require(roundGPTQ(pool, weight, format, scales, factor, several));
    double sumBefore = 0, sumAfter = 0;
    for (int64_t row = 0; row < weight.rows(); ++row) {
      sumBefore += before.errors[size_t(row)];
      sumAfter += after.errors[size_t(row)];
      if (!format.perTensor)
        EXPECT_LE(after.errors[size_t(row)], before.errors[size_t(row)]);
      else
        EXPECT_EQ(after.scales.scales(row, 0), after.scales.scales(0, 0));
    }
    EXPECT_LE(sumAfter, sumBefore);
    RoundedMatrix again = require(roundGPTQ(pool, weight, format, after.scales, factor, one));
    EXPECT_EQ(again.values.values(), after.values.values());
    EXPECT_EQ(again.codes.values(), after.codes.values());
  }
  // Four bits of noise gain from a smaller range than min-max.
  RowFormat format = integerRows(4, false);
  WeightScales scales = scalesOf(pool, weight, format, RangeMethod::MinMax);
  EXPECT_NE(
      require(roundGPTQ(pool, weight, format, scales, factor, several)).scales.scales.values(),
      scales.scales.values());
}

// Without correlations there is nothing to compensate; channels that are never fed count as such.
TEST(GPTQ, IsNearestForADiagonalHessian) {
  ThreadPool pool(1);
  MatrixF weight = randomMatrix(5, 20, 8);
  MatrixD hessian(20, 20);
  for (int64_t j = 0; j < 19; ++j)
    hessian(j, j) = double(j + 1);
  RowFormat format = integerRows(4, false);
  RoundingOptions options;
  WeightScales scales = scalesOf(pool, weight, format, RangeMethod::MinMax);
  GPTQFactor factor = require(prepareGPTQ(pool, hessian, options));
  EXPECT_EQ(factor.order[0], 18);
  EXPECT_EQ(require(roundGPTQ(pool, weight, format, scales, factor, options)).codes.values(),
            require(roundNearest(pool, weight, format, scales)).codes.values());
}

TEST(GPTQ, ThreadsDoNotChangeBytes) {
  std::vector<RoundedMatrix> results;
  for (unsigned threads : {1u, 2u, 3u}) {
    ThreadPool pool(threads);
    MatrixF weight = randomMatrix(100, 200, 9);
    MatrixD hessian = gram(pool, activations(600, 200, 10));
    RoundingOptions options;
    GPTQFactor factor = require(prepareGPTQ(pool, hessian, options));
    RowFormat format = integerRows(4, false);
    results.push_back(require(
        roundGPTQ(pool, weight, format,
                  scalesOf(pool, weight, format, RangeMethod::Output, &hessian), factor, options)));
  }
  EXPECT_EQ(results[0].codes.values(), results[1].codes.values());
  EXPECT_EQ(results[0].codes.values(), results[2].codes.values());
  EXPECT_EQ(results[0].scales.scales.values(), results[2].scales.scales.values());
}

// Literal copies against the closed forms that QuantizedInput's comment promises.
TEST(InputQuantizer, CopiesFollowHermitesIdentity) {
  ThreadPool pool(2);
  MatrixF x = activations(50, 12, 11);
  std::vector<int64_t> parts = {1, 2, 3, 5, 1, 1, 4, 7, 1, 1, 13, 1};
  RowFormat format = integerRows(4, false);
  for (bool offsets : {false, true})
    for (float clip : {1.0f, 0.8f}) {
      MatrixF quantized = quantizeInput(pool, x, format, parts, offsets, clip);
      for (int64_t row = 0; row < x.rows(); ++row) {
        float low = 0, high = 0;
        for (int64_t j = 0; j < x.columns(); ++j) {
          float y = x(row, j) / float(parts[size_t(j)]);
          low = j == 0 ? y : std::min(low, y);
          high = j == 0 ? y : std::max(high, y);
        }
        low *= clip;
        high *= clip;
        float s = (high - low) / 15, z = std::nearbyint(-low / s);
        for (int64_t j = 0; j < x.columns(); ++j) {
          float count = float(parts[size_t(j)]), y = x(row, j) / count;
          float whole =
              std::min(std::max(std::nearbyint(x(row, j) / s), -z * count), (15 - z) * count);
          float each = std::min(std::max(std::nearbyint(y / s) + z, 0.0f), 15.0f) - z;
          float wanted = offsets ? s * whole : count * s * each;
          EXPECT_NEAR(quantized(row, j), wanted, 1e-5f * std::fabs(wanted) + 1e-6f);
        }
      }
    }
}

TEST(InputQuantizer, GroupsRunOverTheCopies) {
  ThreadPool pool(1);
  // Copies 4 4 | 1 2: two groups of two.
  MatrixF x(1, 3, {8.0f, 1.0f, 2.0f});
  RowFormat format = integerRows(2, false, 2);
  MatrixF quantized = quantizeInput(pool, x, format, {2, 1, 1}, false, 1);
  EXPECT_FLOAT_EQ(quantized(0, 0), 8);
  EXPECT_FLOAT_EQ(quantized(0, 1), 1);
  EXPECT_FLOAT_EQ(quantized(0, 2), 2);
}

TEST(InputQuantizer, MarksRowsThatAreNotFinite) {
  ThreadPool pool(1);
  MatrixF x(2, 2, {1.0f, 2.0f, INFINITY, 0.0f});
  MatrixF quantized = quantizeInput(pool, x, integerRows(8, false), {}, false, 1);
  EXPECT_TRUE(std::isfinite(quantized(0, 0)));
  EXPECT_TRUE(std::isnan(quantized(1, 1)));
}

} // namespace
