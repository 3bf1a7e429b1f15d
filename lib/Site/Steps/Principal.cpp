// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// principal: z = Q(P x1), x1 - P^T z to the quantizer, U z beside the product. The rows of P are
// the strongest eigenvectors of the second moment of x1, U = W P^T is exact whatever z is rounded
// to; `refit` then fits it to the rounding that is left.

#include "Steps.h"
#include "qllm/Numerics/Eigen.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/LowRank.h"

using namespace qllm;

namespace {

class Principal : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    int64_t rows = state.mappedWeight.rows(), channels = state.mappedWeight.columns();
    int64_t wanted = budget > 0 ? rankForBudget(rows, channels, budget) : rank;
    wanted = std::min(state.decisions.principalRank.value_or(wanted), channels);
    if (wanted <= 0)
      return llvm::Error::success();
    llvm::Expected<EigenPairs> pairs =
        topEigen(state.pool, gram(state.pool, state.mapped()), wanted, state.seed);
    if (!pairs)
      return pairs.takeError();
    state.principal = {roundFactor(toFloat(pairs->vectors), factorBits), factorBits};
    MatrixF up = applyWeight(state.pool, state.mappedWeight, state.principal.values);
    state.principalUp = {roundFactor(up, factorBits), factorBits};
    state.principalBits = bits;
    state.decisions.principalRank = wanted;
    state.principalChanged();
    return llvm::Error::success();
  }

  int64_t rank = 32, bits = 8, factorBits = 8;
  double budget = 0;
};

} // namespace

steps::MadeStep steps::makePrincipal(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Principal>();
  StepOptionReader reader("principal", options);
  bool hasRank = reader.integer("rank", step->rank, 0, 1 << 20);
  if (reader.number("budget", step->budget, 0, 1) && hasRank)
    reader.fail("expected either 'rank' or 'budget', but got both");
  for (auto [name, value] : {std::pair("bits", &step->bits), {"factor-bits", &step->factorBits}})
    if (reader.integer(name, *value, 2, 16) && *value > 8 && *value < 16)
      reader.fail(llvm::Twine("expected 2 to 8 or 16 for '") + name + "', but got " +
                  llvm::Twine(*value));
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
