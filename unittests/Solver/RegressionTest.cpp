// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//

#include "qllm/Solver/Regression.h"
#include "RandomMatrix.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Solver/LowRank.h"
#include "qllm/Solver/Rounding.h"
#include "qllm/Support/ThreadPool.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace qllm;

namespace {

template <typename T> T require(llvm::Expected<T> value) {
  if (!value) {
    ADD_FAILURE() << llvm::toString(value.takeError());
    return T();
  }
  return std::move(*value);
}

/// |(error - B A) S|^2 for S S^T = hessian.
double remaining(ThreadPool &pool, const MatrixD &error, const LowRankFactors &factors,
                 const MatrixD &hessian) {
  return outputError(pool, toFloat(error),
                     toFloat(product(pool, toDouble(factors.up), toDouble(factors.down))), hessian);
}

MatrixD identity(int64_t n) {
  MatrixD result(n, n);
  for (int64_t i = 0; i < n; ++i)
    result(i, i) = 1;
  return result;
}

struct Problem {
  MatrixD error, hessian, root;
};

Problem problem(ThreadPool &pool) {
  Problem result;
  result.error = randomMatrix<double>(12, 30, 1);
  result.hessian = gram(pool, activations(100, 30, 2));
  result.root = require(cholesky(pool, result.hessian));
  return result;
}

// The gradient of |x W^T - y|^2 + l |W|^2 vanishes, element by element.
TEST(Ridge, EqualsLeastSquares) {
  ThreadPool pool(2);
  MatrixF x = activations(60, 10, 1), y = randomMatrix(60, 4, 2);
  MatrixD hessian = gram(pool, x);
  double ridge = 0.05, trace = 0;
  for (int64_t j = 0; j < 10; ++j)
    trace += hessian(j, j);
  RidgeRegression fit = require(RidgeRegression::create(pool, hessian, ridge));
  MatrixD w = fit.solve(pool, crossMoment(pool, x, y));
  ASSERT_EQ(w.rows(), 4);
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 10; ++j) {
      double gradient = ridge * trace / 10 * w(i, j);
      for (int64_t t = 0; t < 60; ++t) {
        double out = -double(y(t, i));
        for (int64_t k = 0; k < 10; ++k)
          out += w(i, k) * x(t, k);
        gradient += out * x(t, j);
      }
      EXPECT_NEAR(gradient, 0, 1e-3);
    }
}

TEST(Ridge, WithoutRidgeFindsTheWeightBehindTheData) {
  ThreadPool pool(1);
  MatrixF x = activations(60, 10, 3), weight = randomMatrix(3, 10, 4);
  MatrixF y = applyWeight(pool, x, weight);
  RidgeRegression fit = require(RidgeRegression::create(pool, gram(pool, x), 0));
  MatrixD found = fit.solve(pool, crossMoment(pool, x, y));
  for (int64_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found.data()[i], weight.data()[i], 1e-4);
}

TEST(Ridge, NeedsAPositiveDefiniteMoment) {
  ThreadPool pool(1);
  llvm::Expected<RidgeRegression> fit = RidgeRegression::create(pool, MatrixD(3, 3), 0.1);
  EXPECT_EQ(llvm::toString(fit.takeError()),
            "expected a positive definite matrix, but pivot 0 of 3 is not positive");
}

// At the solution every small change of a gain makes the fit worse.
TEST(NormGains, EqualLeastSquares) {
  ThreadPool pool(2);
  MatrixF weight = randomMatrix(9, 8, 5), rounded = weight;
  for (int64_t i = 0; i < rounded.size(); ++i)
    rounded.data()[i] = std::nearbyint(rounded.data()[i] * 2) / 2;
  MatrixF x = activations(50, 8, 6);
  MatrixD hessian = gram(pool, x);
  std::vector<double> gains = require(normGains(pool, hessian, weight, rounded, 1e-9));
  auto errorOf = [&](const std::vector<double> &s) {
    MatrixF scaled = rounded;
    for (int64_t i = 0; i < scaled.rows(); ++i)
      for (int64_t j = 0; j < scaled.columns(); ++j)
        scaled(i, j) *= float(s[size_t(j)]);
    return outputError(pool, weight, scaled, hessian);
  };
  double best = errorOf(gains);
  EXPECT_LT(best, errorOf(std::vector<double>(8, 1)));
  for (size_t j = 0; j < 8; ++j)
    for (double step : {-0.01, 0.01}) {
      std::vector<double> moved = gains;
      moved[j] += step;
      EXPECT_LT(best, errorOf(moved));
    }
}

TEST(NormGains, AreOneWhereNothingWasLost) {
  ThreadPool pool(1);
  MatrixF weight = randomMatrix(9, 8, 5);
  MatrixD hessian = gram(pool, activations(50, 8, 6));
  for (double gain : require(normGains(pool, hessian, weight, weight)))
    EXPECT_NEAR(gain, 1, 1e-9);
}

// EoRA measures what counts, so it cannot lose against the plain decomposition at any rank.
TEST(LowRank, EigenspaceBeatsPlainAtEveryRank) {
  ThreadPool pool(2);
  Problem p = problem(pool);
  double before = outputError(pool, toFloat(p.error), MatrixF(12, 30), p.hessian);
  for (int64_t rank = 1; rank <= 12; ++rank) {
    double plain =
        remaining(pool, p.error, require(lowRank(pool, p.error, nullptr, rank, 0)), p.hessian);
    double weighted =
        remaining(pool, p.error, require(lowRank(pool, p.error, &p.root, rank, 0)), p.hessian);
    EXPECT_LE(weighted, plain * (1 + 1e-6) + 1e-9 * before);
    EXPECT_LE(weighted, before);
    before = weighted;
  }
  EXPECT_NEAR(before, 0, 1e-6); // full rank gives the error back
}

TEST(LowRank, EigenspaceIsPlainForUncorrelatedInputs) {
  ThreadPool pool(1);
  Problem p = problem(pool);
  MatrixD one = identity(30);
  LowRankFactors plain = require(lowRank(pool, p.error, nullptr, 3, 0));
  LowRankFactors weighted = require(lowRank(pool, p.error, &one, 3, 0));
  for (int64_t i = 0; i < plain.down.size(); ++i)
    EXPECT_NEAR(plain.down.data()[i], weighted.down.data()[i], 1e-5);
}

// A matrix of rank 2 needs no more, and asking for more does not disturb it.
TEST(LowRank, FindsAnExactFactorization) {
  ThreadPool pool(1);
  MatrixD a = product(pool, randomMatrix<double>(12, 2, 3), randomMatrix<double>(2, 30, 4));
  for (int64_t rank : {2, 5, 12}) {
    LowRankFactors factors = require(lowRank(pool, a, nullptr, rank, 0));
    EXPECT_LT(remaining(pool, a, factors, identity(30)), 1e-8);
  }
}

// The branch is the same whichever side it is found from.
TEST(LowRank, TheGramMatrixIsEnough) {
  ThreadPool pool(2);
  MatrixD a = randomMatrix<double>(40, 30, 5);
  for (int64_t rank : {1, 7, 30}) {
    LowRankFactors plain = require(lowRank(pool, a, nullptr, rank, 0));
    LowRankFactors found =
        require(lowRankOfGram(pool, toFloat(a), productTransposedLeft(pool, a, a), rank, 0));
    MatrixD wanted = product(pool, toDouble(plain.up), toDouble(plain.down));
    MatrixD branch = product(pool, toDouble(found.up), toDouble(found.down));
    for (int64_t i = 0; i < wanted.size(); ++i)
      EXPECT_NEAR(branch.data()[i], wanted.data()[i], 1e-4);
  }
}

// Found by products with the moment alone, it is the branch that the whole solution would give.
TEST(LowRank, ReducedRankRegressionNeedsNoSolution) {
  ThreadPool pool(2);
  MatrixF x = activations(500, 180, 7);
  MatrixD truth = product(pool, randomMatrix<double>(200, 5, 8), randomMatrix<double>(5, 180, 9));
  for (int64_t i = 0; i < truth.size(); ++i)
    truth.data()[i] += 0.3 * randomMatrix<double>(1, 1, unsigned(i)).data()[0];
  MatrixD moment = crossMoment(pool, x, applyWeight(pool, x, toFloat(truth)));
  RidgeRegression fit = require(RidgeRegression::create(pool, gram(pool, x), 0.01));
  MatrixD metric = productTransposedRight(pool, fit.factor(), fit.factor());
  MatrixD whole = fit.solve(pool, moment);
  LowRankFactors wanted = require(lowRank(pool, whole, &fit.factor(), 5, 0));
  LowRankFactors found = require(reducedRankRegression(pool, fit, moment, 5, 0));
  double least = remaining(pool, whole, wanted, metric);
  EXPECT_NEAR(remaining(pool, whole, found, metric), least, 1e-3 * least);
  // The seed and not the number of threads decides.
  ThreadPool one(1);
  EXPECT_EQ(require(reducedRankRegression(one, fit, moment, 5, 0)).down.values(),
            found.down.values());
}

TEST(LowRank, BudgetIsInMultiplications) {
  EXPECT_EQ(rankForBudget(576, 576, 0.08), 23);
  EXPECT_LE(23.0 * (576 + 576), 0.08 * 576 * 576);
  EXPECT_GT(24.0 * (576 + 576), 0.08 * 576 * 576);
  EXPECT_EQ(rankForBudget(4, 4, 1), 2);
  EXPECT_EQ(rankForBudget(4, 4, 0), 0);
  EXPECT_EQ(rankForBudget(0, 0, 1), 0);
}

TEST(LowRank, FactorsRoundToIntegerRows) {
  MatrixF factor(1, 3, {-127.0f, 0.4f, 3.0f});
  EXPECT_EQ(roundFactor(factor, 8).values(), llvm::ArrayRef<float>({-127.0f, 0.0f, 3.0f}));
  EXPECT_EQ(roundFactor(factor, 16).values(), factor.values());
}

} // namespace
