// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// How many copies each channel of an activation becomes. Channel j is replaced by T_j copies of
// x_j / T_j and its weight column is repeated, which is exact; the range that a quantizer sees of
// the channel shrinks by T_j (QLLM, arXiv 2310.08041, section 4.1).

#ifndef QLLM_SOLVER_REASSEMBLY_DISASSEMBLY_H
#define QLLM_SOLVER_REASSEMBLY_DISASSEMBLY_H

#include "qllm/Support/Matrix.h"
#include <vector>

namespace qllm {

class ThreadPool;

/// The largest magnitude of every channel over the rows of `x` [tokens, channels]. Rows marked in
/// `excluded` do not count (empty: all count); zeros if none does.
std::vector<float> channelMaxima(const MatrixF &x, const std::vector<bool> &excluded = {});

/// The same with every row first divided by its root mean square, so that no token counts more
/// because it is large as a whole.
std::vector<float> normalizedMaxima(const MatrixF &x, const std::vector<bool> &excluded = {});

/// T_j = max(1, ceil(m_j / threshold)) (equation 2), in f32 as the published code computes it. A
/// threshold that is not positive gives no copies.
std::vector<int64_t> partsForThreshold(llvm::ArrayRef<float> maxima, double threshold);

/// Sum of T_j - 1.
int64_t addedChannels(llvm::ArrayRef<int64_t> parts);

/// The counts of the smallest threshold that adds at most `extra` channels, found by bisection.
std::vector<int64_t> partsByMaximum(llvm::ArrayRef<float> maxima, int64_t extra);

struct SoftRangeOptions {
  /// The norm in place of the range of a token: 8 is near the maximum, yet smooth enough that
  /// every large channel has a say.
  double norm = 8;
  /// About so many rows of `x` are used, at equal spacing.
  int64_t tokens = 1024;
  /// Copies are handed out in about so many rounds.
  int64_t rounds = 40;
};

/// Counts that make the range of the typical token small: copies go, round by round, to the
/// channels with the largest drop of
///   sum over tokens t of (||x_t / T||_norm / rms(x_t))^2,
/// `extra` of them in all. Ties go to the lower channel. A token counts relative to its own size,
/// so attention sinks stay in: their channels get the copies without which they lose what holds
/// them.
std::vector<int64_t> partsBySoftRange(ThreadPool &pool, const MatrixF &x, int64_t extra,
                                      const SoftRangeOptions &options = {});

/// floor(budget * channels), then as many more as make channels + extra a multiple of `tile` (0 or
/// 1: no rounding): the copies up to the next tile of a kernel cost nothing.
int64_t extraChannels(int64_t channels, double budget, int64_t tile);

} // namespace qllm

#endif // QLLM_SOLVER_REASSEMBLY_DISASSEMBLY_H
