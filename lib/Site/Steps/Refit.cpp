// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// refit: bias, and U of the principal part, by least squares of the error that is left in the end
// on [z, 1]: R = (Z^T Z + l I)^-1 Z^T D with l = ridge times the mean square of z.

#include "Steps.h"
#include "qllm/Numerics/Cholesky.h"
#include "qllm/Numerics/Products.h"
#include "qllm/Site/SiteMath.h"
#include "qllm/Site/StepOptions.h"
#include "qllm/Solver/LowRank.h"

using namespace qllm;

namespace {

class Refit : public SiteStep {
public:
  llvm::Error run(SiteState &state) override {
    int64_t rank = state.principal.empty() ? 0 : state.principal.values.rows();
    MatrixF z(state.input.rows(), rank + 1, 1);
    for (int64_t row = 0; row < z.rows() && rank > 0; ++row)
      std::copy_n(state.principalCodes().row(row), rank, z.row(row));
    MatrixD square = gram(state.pool, z);
    double trace = 0;
    for (int64_t i = 0; i < rank; ++i)
      trace += square(i, i);
    for (int64_t i = 0; i <= rank; ++i) {
      if (rank > 0)
        square(i, i) += ridge * trace / double(rank);
      if (square(i, i) == 0) // nothing to learn from, nothing to change
        square(i, i) = 1;
    }
    llvm::Expected<MatrixD> moment =
        momentOfError(state, state.targetKind, z, effectiveWeight(state));
    if (!moment)
      return moment.takeError();
    llvm::Expected<MatrixD> lower = cholesky(state.pool, std::move(square));
    if (!lower)
      return lower.takeError();
    MatrixD change = choleskySolve(state.pool, *lower, std::move(*moment));
    for (int64_t j = 0; j < change.columns(); ++j) {
      for (int64_t i = 0; i < rank; ++i)
        state.principalUp.values(j, i) += float(change(i, j));
      state.outputBias[size_t(j)] += float(change(rank, j));
    }
    if (rank > 0)
      state.principalUp.values = roundFactor(state.principalUp.values, state.principalUp.bits);
    return llvm::Error::success();
  }

  double ridge = 1e-3;
};

} // namespace

steps::MadeStep steps::makeRefit(llvm::ArrayRef<StepOption> options) {
  auto step = std::make_unique<Refit>();
  StepOptionReader reader("refit", options);
  reader.number("ridge", step->ridge, 1e-9, 1e3);
  if (llvm::Error error = reader.finish())
    return std::move(error);
  return std::move(step);
}
