// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Orthogonal matrices whose entries are all +-1 / sqrt(n): the rotations that spread an outlier
// evenly over all channels. Sylvester's doubling for powers of two, Paley's two constructions
// (R. Paley, On orthogonal matrices, 1933) from quadratic residues of a prime power q for
// n = q + 1 and n = 2 (q + 1), and doublings of those.

#ifndef QLLM_NUMERICS_HADAMARD_H
#define QLLM_NUMERICS_HADAMARD_H

#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"
#include <optional>

namespace qllm {

/// A Hadamard matrix of n rows as a Kronecker product H_dense x H_doubled: `dense` rows by Paley's
/// constructions (1 where n is a power of two), `doubled` = n / dense a power of two by
/// Sylvester's. The smallest `dense` there is, as that part costs dense operations an element and
/// the other log2(doubled).
struct HadamardSize {
  int64_t dense = 1;
  int64_t doubled = 1;
};

/// Nothing where none of the constructions gives that size.
std::optional<HadamardSize> findHadamard(int64_t size);

/// Sizes that divide `channels` and have a Hadamard matrix, largest first; never empty for a
/// positive number.
std::vector<int64_t> hadamardBlocks(int64_t channels);

/// The matrix itself, divided by sqrt(size), so that H H^T = 1. Fails for a size that has none,
/// naming the block sizes that divide it and have one.
llvm::Expected<MatrixF> hadamardMatrix(int64_t size);

/// Whether it is, bit for bit, the matrix that Sylvester's doubling gives for its size.
bool isSylvesterHadamard(const MatrixF &matrix);

/// +1 or -1, equally likely, the same for the same seed on every machine.
std::vector<float> randomSigns(int64_t count, uint64_t seed);

} // namespace qllm

#endif // QLLM_NUMERICS_HADAMARD_H
