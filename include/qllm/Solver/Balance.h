// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rotations of all channels of an input, and the scales that go before them.

#ifndef QLLM_SOLVER_BALANCE_H
#define QLLM_SOLVER_BALANCE_H

#include "qllm/Solver/ChannelMap.h"
#include "llvm/Support/Error.h"

namespace qllm {

class ThreadPool;

/// x / d with d_j = rms(x_j)^share / |W_:j|^(1 - share), divided by its geometric mean. Behind a rotation the
/// errors of rounding are alike in all directions, of x~ = R^T D^-1 x as of W~ = W D R, so their
/// outputs are as large as the product of |D^-1 x|^2 and |W D|^2. By Cauchy and Schwarz that is least
/// where D^-1 x and W D have the same energy in every channel, and then is (sum rms(x_j) |W_:j|)^2.
/// `skipped` marks rows of x that do not count (attention sinks); may be empty. Channels without
/// energy in one of the two keep d_j = 1.
/// That is for share = 1/2 and weights rounded to nearest. GPTQ's error depends on the determinant
/// of H, which no d of geometric mean 1 changes, and on the range of W D: where inputs are fine
/// and weights are coarse, a smaller share, which makes the columns of W D more alike, loses less.
ChannelMap balanceMap(const MatrixF &x, const MatrixF &weight, const std::vector<bool> &skipped,
                      double share = 0.5);

/// Random signs, then the Hadamard matrix of the whole width as two factors, a dense one with the
/// stride of the doubled one: maps to be applied in this order. Where no construction gives the
/// width, the largest block that divides it and has one. The same for the same seed.
llvm::Expected<std::vector<ChannelMap>> randomHadamard(int64_t channels, uint64_t seed);

} // namespace qllm

#endif // QLLM_SOLVER_BALANCE_H
