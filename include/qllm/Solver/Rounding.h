// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From weights to codes: nearest, and GPTQ.

#ifndef QLLM_SOLVER_ROUNDING_H
#define QLLM_SOLVER_ROUNDING_H

#include "qllm/Solver/WeightRange.h"

namespace qllm {

enum class RoundingMethod { Nearest, GPTQ };

struct RoundingOptions {
  RoundingMethod method = RoundingMethod::Nearest;
  /// GPTQ: what is added to the diagonal of H, as a fraction of its mean.
  double damp = 0.01;
  /// GPTQ: columns in the order of falling H_jj instead of their own.
  bool actOrder = true;
  /// GPTQ: columns that are finished before the columns behind them learn of their errors.
  int64_t block = 128;
  /// GPTQ: sweeps of coordinate descent over its codes (Descent.h).
  int64_t sweeps = 0;
  /// GPTQ: every row is also rounded with its scales times each of these, in this order, and keeps
  /// the first of those with the least error. Ranges chosen before rounding do not know what GPTQ
  /// can make up for.
  std::vector<float> scaleRatios;
};

struct RoundedMatrix {
  WeightScales scales;
  /// One byte an element, extended as the format says.
  Matrix<uint8_t> codes;
  /// What the codes stand for.
  MatrixF values;
  /// GPTQ: (w - w^) (H + damping) (w - w^)^T of every row, or empty.
  std::vector<double> errors;
};

/// Every element becomes the code nearest to it.
llvm::Expected<RoundedMatrix> roundNearest(ThreadPool &pool, const MatrixF &weight,
                                           const RowFormat &format, WeightScales scales);

/// What GPTQ needs of H, shared by all weights that read one input.
struct GPTQFactor {
  /// Column `order[i]` is rounded as number i.
  std::vector<int64_t> order;
  /// U with U^T U = (H + damping)^-1, in that order.
  MatrixF upper;
};

/// Columns that are never fed (H_jj = 0) get H_jj = 1 and so are rounded to nearest. Errors of the
/// factorization, see Numerics/Cholesky.h.
llvm::Expected<GPTQFactor> prepareGPTQ(ThreadPool &pool, MatrixD hessian,
                                       const RoundingOptions &options);

/// GPTQ (Frantar et al., arXiv 2210.17323, algorithm 1): for column j with error
/// e = (w_j - w^_j) / U_jj the columns behind it become w_l - e U_jl, and the sum of e^2 is the
/// row's error. Scales do not depend on the columns before, so groups may be visited in any order.
llvm::Expected<RoundedMatrix> roundGPTQ(ThreadPool &pool, const MatrixF &weight,
                                        const RowFormat &format, WeightScales scales,
                                        const GPTQFactor &factor, const RoundingOptions &options);

/// tr((w - w^) H (w - w^)^T): the squared output error over the tokens of H.
double outputError(ThreadPool &pool, const MatrixF &weight, const MatrixF &rounded,
                   const MatrixD &hessian);

} // namespace qllm

#endif // QLLM_SOLVER_ROUNDING_H
