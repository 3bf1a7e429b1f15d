// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Eigenvectors and singular vectors in double.

#ifndef QLLM_NUMERICS_EIGEN_H
#define QLLM_NUMERICS_EIGEN_H

#include "qllm/Support/Matrix.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

/// Eigenvalues in descending order; eigenvector i is ROW i of `vectors`, of length 1, its element
/// of largest magnitude positive (the first one among equals).
struct EigenPairs {
  std::vector<double> values;
  MatrixD vectors;
};

/// All pairs of a symmetric matrix (its lower triangle is read), by LAPACK's divide and conquer. An
/// error when the matrix is not square, holds a NaN or an infinity, or does not converge.
llvm::Expected<EigenPairs> symmetricEigen(const MatrixD &matrix);

/// The `count` largest pairs of a positive semidefinite matrix. Exact for small ones; above, by
/// subspace iteration with 16 extra directions from a start that `seed` alone determines
/// (Rayleigh-Ritz in the end): vectors whose values lie close together may be mixed, the energy
/// they hold is not less than about that of the exact ones. `count` above the size gives all.
llvm::Expected<EigenPairs> topEigen(ThreadPool &pool, const MatrixD &matrix, int64_t count,
                                    uint64_t seed, int iterations = 8);

/// The same for a symmetric, positive semidefinite matrix of `size` rows that is only known by its
/// products: `apply` returns the rows of its argument times the matrix. Wherever `count` is small
/// beside `size` this costs a dozen such products of a few rows more than `count`.
llvm::Expected<EigenPairs> topEigen(ThreadPool &pool, int64_t size,
                                    llvm::function_ref<MatrixD(const MatrixD &)> apply,
                                    int64_t count, uint64_t seed, int iterations = 8);

/// matrix = sum over i of values[i] * left row i (as a column) * right row i; values descending.
struct SingularTriples {
  MatrixD left;
  std::vector<double> values;
  MatrixD right;
};

/// The `count` largest singular triples, from the eigenvectors of the smaller of M M^T and M^T M:
/// singular values below about 1e-8 of the largest are noise. Errors as `symmetricEigen`.
llvm::Expected<SingularTriples> topSingular(ThreadPool &pool, const MatrixD &matrix, int64_t count,
                                            uint64_t seed);

/// Rows made orthonormal by Gram-Schmidt, twice; rows that depend on earlier ones become zero.
void orthonormalizeRows(MatrixD &matrix);

} // namespace qllm

#endif // QLLM_NUMERICS_EIGEN_H
