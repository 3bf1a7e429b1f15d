// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Factorizations of symmetric positive definite matrices in double, and what is solved with them.
// Blocked; blocks depend on the size alone, so any number of threads gives the same bits.

#ifndef QLLM_NUMERICS_CHOLESKY_H
#define QLLM_NUMERICS_CHOLESKY_H

#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

/// Lower L with L L^T = matrix; the upper triangle of the result is zero. Reads the lower triangle.
/// An error when the matrix is not square, holds a NaN or an infinity, or is not positive definite
/// (naming the pivot).
llvm::Expected<MatrixD> cholesky(ThreadPool &pool, MatrixD matrix);

/// Solves (L L^T) X = right for all columns of `right`; L from `cholesky`.
MatrixD choleskySolve(ThreadPool &pool, const MatrixD &lower, MatrixD right);

/// L^-1 for a lower triangular L with a non-zero diagonal.
MatrixD inverseLower(ThreadPool &pool, const MatrixD &lower);

/// (L L^T)^-1 from its Cholesky factor.
MatrixD choleskyInverse(ThreadPool &pool, const MatrixD &lower);

/// Upper U with U^T U = matrix^-1: what GPTQ (arXiv 2210.17323, section 3.3, step 3) reads its
/// feedback from. With J the reversal of rows and columns and J H J = L L^T it is (J L J)^-1, which
/// takes one factorization and one triangular inverse. Errors as `cholesky`.
llvm::Expected<MatrixD> upperFactorOfInverse(ThreadPool &pool, const MatrixD &matrix);

/// The factor of a matrix that would be positive semidefinite but for rounding: `fraction` times
/// the mean of the diagonal is added to the diagonal, a hundredfold more at each attempt up to 1 %.
/// Fails as `cholesky` when that is not enough.
llvm::Expected<MatrixD> semidefiniteCholesky(ThreadPool &pool, const MatrixD &matrix,
                                             double fraction);

/// Adds `fraction` times the mean of the diagonal to the diagonal.
void addRelativeDiagonal(MatrixD &matrix, double fraction);

} // namespace qllm

#endif // QLLM_NUMERICS_CHOLESKY_H
