// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Low-rank branches: B A with few rows in A, in place of what rounding took away.

#ifndef QLLM_SOLVER_LOWRANK_H
#define QLLM_SOLVER_LOWRANK_H

#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

class RidgeRegression;
class ThreadPool;

struct LowRankFactors {
  /// A [rank, channels] and B [rows, rank]; the columns of B are orthonormal.
  MatrixF down, up;
};

/// The B A of rank `rank` (at most the smaller side) that minimizes |(error - B A) S|, the
/// Frobenius norm. Without `metric` S = I, the truncated singular value decomposition (SVDQuant,
/// arXiv 2411.05007, equation 8). With it S is any square root of H, S S^T = H, and the norm is the
/// output error: EoRA's eigenspace projection (arXiv 2410.21271, algorithm 1). U from
/// error S = U Sigma V^T gives B = U and A = U^T error, which is EoRA's B A without the inverse of
/// S; so a Cholesky factor serves as well as eigenvectors do.
llvm::Expected<LowRankFactors> lowRank(ThreadPool &pool, const MatrixD &error,
                                       const MatrixD *metric, int64_t rank, uint64_t seed);

/// `lowRank` of `weight` without a metric, where its `gram` W^T W is known already: the rows of A
/// are orthonormal here.
llvm::Expected<LowRankFactors> lowRankOfGram(ThreadPool &pool, const MatrixF &weight,
                                             const MatrixD &gram, int64_t rank, uint64_t seed);

/// `lowRank` of the regression's whole solution M in its own metric (reduced-rank regression), from
/// the moment x^T y [channels, rows] as `RidgeRegression::solve` takes it. A small rank needs
/// neither M nor the singular values of anything as large: with H + ridge = L L^T and D the
/// transposed moment, the left singular vectors of M L = D L^-T are the eigenvectors of
/// D (H + ridge)^-1 D^T, and A = U^T M takes a solve with as many right sides as the rank.
llvm::Expected<LowRankFactors> reducedRankRegression(ThreadPool &pool, const RidgeRegression &fit,
                                                     MatrixD moment, int64_t rank, uint64_t seed);

/// The largest rank whose two products cost at most `budget` times the multiplications of the
/// layers: rank (channels + rows) <= budget channels rows.
int64_t rankForBudget(int64_t rows, int64_t channels, double budget);

/// Rows as symmetric integers of `bits` bits (2 to 8) and a scale each, back as floats; 16 and more
/// change nothing.
MatrixF roundFactor(const MatrixF &factor, int64_t bits);

} // namespace qllm

#endif // QLLM_SOLVER_LOWRANK_H
