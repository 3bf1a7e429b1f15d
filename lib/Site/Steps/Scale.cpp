// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// scale: channels of the input are divided by c, the weight's columns multiplied, with
// c_j = max|x_j|^alpha / max|W_j|^beta (SmoothQuant with beta = 1 - alpha; SVDQuant, arXiv
// 2411.05007, searches both by the output's error with its branch in place).

#include "Steps.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/LowRank.h"
#include <cmath>

using namespace qllm;

namespace {

struct Exponents {
  double alpha = 0, beta = 0;
};

// Dead channels must not give a scale of 0 or infinity.
constexpr float smallestMaximum = 1e-5f, smallestScale = 1e-4f;

/// The largest magnitude of each column, over the rows that count.
std::vector<float> columnMaxima(const MatrixF &matrix, const std::vector<bool> &leftOut = {}) {
  std::vector<float> result(size_t(matrix.columns()), smallestMaximum);
  for (int64_t row = 0; row < matrix.rows(); ++row) {
    if (size_t(row) < leftOut.size() && leftOut[size_t(row)])
      continue;
    for (int64_t j = 0; j < matrix.columns(); ++j)
      result[size_t(j)] = std::max(result[size_t(j)], std::fabs(matrix(row, j)));
  }
  return result;
}

class Scale : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    inputMaxima = columnMaxima(state.mapped(), state.sinks);
    weightMaxima = columnMaxima(state.mappedWeight);
    Exponents chosen = fixed;
    if (state.decisions.alpha)
      chosen = {*state.decisions.alpha, state.decisions.beta.value_or(1 - *state.decisions.alpha)};
    else if (grid > 0)
      if (llvm::Error error = search(state, chosen))
        return error;
    state.decisions.alpha = chosen.alpha;
    state.decisions.beta = chosen.beta;
    if (chosen.alpha != 0 || chosen.beta != 0)
      state.addMap(mapOf(chosen));
    return llvm::Error::success();
  }

  Exponents fixed{0.5, 0.5};
  int64_t grid = 0, rank = 0, tokens = 512;

private:
  ChannelMap mapOf(Exponents exponents) const {
    ChannelMap map;
    map.kind = ChannelMap::Kind::Scale;
    for (size_t j = 0; j < inputMaxima.size(); ++j)
      map.values.push_back(
          std::max(smallestScale, float(std::pow(inputMaxima[j], exponents.alpha) /
                                        std::pow(weightMaxima[j], exponents.beta))));
    return map;
  }

  /// (0, 0), (a, 0) and (a, 1 - a): the first of equals stays, so "nothing" wins a tie.
  llvm::Error search(SiteState &state, Exponents &chosen) const {
    MatrixF sample = everyRow(state.mapped(), std::max<int64_t>(1, state.mapped().rows() / tokens));
    MatrixF exact = applyWeight(state.pool, sample, state.mappedWeight);
    std::vector<Exponents> candidates{{0, 0}};
    for (int64_t i = 1; i < grid; ++i)
      candidates.push_back({double(i) / double(grid), 0});
    for (int64_t i = 1; i < grid; ++i)
      candidates.push_back({double(i) / double(grid), 1 - double(i) / double(grid)});
    // Of W diag(c) it is diag(c) W^T W diag(c): one product does for all candidates.
    MatrixD square;
    if (rank > 0 && state.mappedWeight.rows() >= state.mappedWeight.columns()) {
      MatrixD wide = toDouble(state.mappedWeight);
      square = productTransposedLeft(state.pool, wide, wide);
    }
    double best = 0;
    for (auto [i, candidate] : llvm::enumerate(candidates)) {
      llvm::Expected<double> error = errorOf(state, square, sample, exact, candidate);
      if (!error)
        return error.takeError();
      state.decisions.scores.push_back(
          {llvm::formatv("scale {0:f2} {1:f2}", candidate.alpha, candidate.beta).str(), *error});
      if (i == 0 || *error < best) {
        best = *error;
        chosen = candidate;
      }
    }
    return llvm::Error::success();
  }

  /// The best approximation of the scaled weight; `square` is W^T W before it, or empty.
  llvm::Expected<LowRankFactors> branchOf(const SiteState &trial, const MatrixD &square,
                                          llvm::ArrayRef<float> scales) const {
    const MatrixF &weight = trial.target;
    int64_t possible = std::min({rank, weight.rows(), weight.columns()});
    if (square.empty())
      return lowRank(trial.pool, toDouble(weight), nullptr, possible, trial.seed);
    MatrixD scaled = square;
    for (int64_t i = 0; i < scaled.rows(); ++i)
      for (int64_t j = 0; j < scaled.columns(); ++j)
        scaled(i, j) *= double(scales[size_t(i)]) * scales[size_t(j)];
    return lowRankOfGram(trial.pool, weight, scaled, possible, trial.seed);
  }

  /// |y^ - y|^2 / |y|^2 over the sample, of the site with these scales, the branch of `rank` and
  /// its weights rounded as `range` and `rounding` say.
  llvm::Expected<double> errorOf(const SiteState &state, const MatrixD &square,
                                 const MatrixF &sample, const MatrixF &exact,
                                 Exponents exponents) const {
    SiteState trial(state.pool);
    trial.seed = state.seed;
    trial.products = state.products;
    trial.inputFormat = state.inputFormat;
    trial.clip = state.clip;
    trial.range = state.range;
    trial.rounding = state.rounding;
    trial.input = sample;
    trial.weight = state.mappedWeight;
    trial.begin();
    ChannelMap map = mapOf(exponents);
    trial.addMap(map);
    if (rank > 0) {
      llvm::Expected<LowRankFactors> factors = branchOf(trial, square, map.values);
      if (!factors)
        return factors.takeError();
      trial.branchDown.values = std::move(factors->down);
      trial.branchUp.values = std::move(factors->up);
    }
    if (llvm::Error error = roundTarget(trial))
      return std::move(error);
    MatrixF found = trial.output();
    double sum = 0, energy = 0;
    for (auto [a, b] : llvm::zip_equal(found.values(), exact.values())) {
      sum += (double(a) - b) * (double(a) - b);
      energy += double(b) * b;
    }
    return energy > 0 ? sum / energy : sum;
  }

  std::vector<float> inputMaxima, weightMaxima;
};

} // namespace

steps::MadeStep steps::makeScale(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Scale>();
  StepOptionReader reader("scale", options);
  bool hasAlpha = reader.number("alpha", step->fixed.alpha, 0, 1);
  bool hasBeta = reader.number("beta", step->fixed.beta, 0, 1);
  if (hasAlpha && !hasBeta)
    step->fixed.beta = 1 - step->fixed.alpha;
  if (reader.integer("grid", step->grid, 2, 1000) && (hasAlpha || hasBeta))
    reader.fail("expected either exponents or 'grid', but got both");
  reader.integer("rank", step->rank, 0, 1 << 20);
  reader.integer("tokens", step->tokens, 1, 1 << 30);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
