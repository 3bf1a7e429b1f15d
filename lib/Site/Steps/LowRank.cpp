// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// low-rank: B A on the rounded input, beside the rounded weight. Three ways to choose it, all the
// best of their rank in their own measure: the weight's error (svd), the output's error (eora), or
// the regression of the output's error on the rounded input (regression), which also sees what
// rounding the input has cost. With fuse=true nothing stays beside the weight: B A is added to it
// and the sum is rounded, so it is fitted to the weight before rounding: what it would make up for
// in the rounded one is no longer there once the sum is rounded anew.

#include "qllm/Solver/LowRank.h"
#include "Steps.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/Regression.h"

using namespace qllm;

namespace {

enum class Method { SVD, EoRA, Regression };

// Directions of the input without energy must not stop EoRA's factorization: sums of products in
// float leave them slightly negative, how much depends on the outliers beside them.
constexpr double eoraDamping = 1e-8;

class LowRank : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    int64_t rows = state.target.rows(), channels = state.target.columns();
    int64_t wanted = budget > 0 ? rankForBudget(rows, channels, budget) : rank;
    wanted = std::min(state.decisions.rank.value_or(wanted), std::min(rows, channels));
    if (wanted <= 0 || !hasEnergy(state.hessian()))
      return llvm::Error::success();
    state.decisions.rank = wanted;
    if (llvm::Error error =
            method == Method::SVD ? alternate(state, wanted) : correct(state, wanted))
      return error;
    return fuse ? fuseBranch(state) : llvm::Error::success();
  }

  Method method = Method::Regression;
  int64_t rank = 32, iterations = 1, bits = 16;
  double budget = 0, ridge = 0.01;
  bool fuse = false;

private:
  llvm::Error fuseBranch(SiteState &state) const {
    MatrixD sum = toDouble(state.target);
    MatrixD branch =
        product(state.pool, toDouble(state.branchUp.values), toDouble(state.branchDown.values));
    for (int64_t k = 0; k < sum.size(); ++k)
      sum.data()[k] += branch.data()[k];
    state.target = toFloat(sum);
    state.branchDown = state.branchUp = StoredFactor();
    return roundTarget(state);
  }

  void put(SiteState &state, const LowRankFactors &factors) const {
    state.branchDown = {roundFactor(factors.down, bits), bits};
    state.branchUp = {roundFactor(factors.up, bits), bits};
  }

  /// SVDQuant: branch and rounded weight in turn, as long as the output's error falls.
  llvm::Error alternate(SiteState &state, int64_t wanted) const {
    double best = 0;
    SiteState kept = state;
    for (int64_t i = 0; i < iterations; ++i) {
      MatrixD error = toDouble(state.target);
      if (i > 0 || !state.rounded.values.empty())
        for (int64_t k = 0; k < error.size(); ++k)
          error.data()[k] -= state.rounded.values.data()[k];
      llvm::Expected<LowRankFactors> factors =
          lowRank(state.pool, error, nullptr, wanted, state.seed);
      if (!factors)
        return factors.takeError();
      put(state, *factors);
      if (llvm::Error failure = roundTarget(state))
        return failure;
      double now =
          outputError(state.pool, state.target, toFloat(effectiveWeight(state)), state.hessian());
      if (i > 0 && now >= best) { // the last round was one too many
        state.branchDown = kept.branchDown;
        state.branchUp = kept.branchUp;
        state.rounded = kept.rounded;
        break;
      }
      best = now;
      kept.branchDown = state.branchDown;
      kept.branchUp = state.branchUp;
      kept.rounded = state.rounded;
    }
    return llvm::Error::success();
  }

  /// A branch for what rounding has cost; then, if asked for, the weight rounded anew beside it.
  llvm::Error correct(SiteState &state, int64_t wanted) const {
    if (state.rounded.values.empty() && !fuse)
      if (llvm::Error failure = roundTarget(state))
        return failure;
    for (int64_t i = 0; i < iterations; ++i) {
      llvm::Expected<LowRankFactors> factors =
          method == Method::EoRA ? eora(state, wanted) : regression(state, wanted);
      if (!factors)
        return factors.takeError();
      put(state, *factors);
      if (i + 1 < iterations)
        if (llvm::Error failure = roundTarget(state))
          return failure;
    }
    return llvm::Error::success();
  }

  llvm::Expected<LowRankFactors> eora(SiteState &state, int64_t wanted) const {
    llvm::Expected<MatrixD> root = semidefiniteCholesky(state.pool, state.hessian(), eoraDamping);
    if (!root)
      return root.takeError();
    MatrixD error = toDouble(state.target);
    for (int64_t k = 0; k < error.size(); ++k)
      error.data()[k] -= state.rounded.values.data()[k];
    return lowRank(state.pool, error, &*root, wanted, state.seed);
  }

  llvm::Expected<LowRankFactors> regression(SiteState &state, int64_t wanted) const {
    llvm::Expected<RidgeRegression> fit =
        RidgeRegression::create(state.pool, state.hessian(), ridge);
    if (!fit)
      return fit.takeError();
    llvm::Expected<MatrixD> moment =
        momentOfError(state, state.targetKind, state.quantized(),
                      toDouble(fuse ? state.target : state.rounded.values));
    if (!moment)
      return moment.takeError();
    return reducedRankRegression(state.pool, *fit, std::move(*moment), wanted, state.seed);
  }
};

} // namespace

steps::MadeStep steps::makeLowRank(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<LowRank>();
  StepOptionReader reader("low-rank", options);
  reader.choice<Method>(
      "method", step->method,
      {{"svd", Method::SVD}, {"eora", Method::EoRA}, {"regression", Method::Regression}});
  bool hasRank = reader.integer("rank", step->rank, 0, 1 << 20);
  if (reader.number("budget", step->budget, 0, 1) && hasRank)
    reader.fail("expected either 'rank' or 'budget', but got both");
  reader.integer("iterations", step->iterations, 1, 1000);
  if (reader.integer("bits", step->bits, 2, 16) && step->bits > 8 && step->bits < 16)
    reader.fail("expected 2 to 8 or 16 for 'bits', but got " + llvm::Twine(step->bits));
  if (reader.boolean("fuse", step->fuse) && step->fuse &&
      (step->method != Method::Regression || step->iterations > 1))
    reader.fail("expected 'fuse' with method=regression and one iteration");
  reader.number("ridge", step->ridge, 1e-9, 1e3);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
