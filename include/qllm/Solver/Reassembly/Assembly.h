// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Which channels are merged to make room for copies of others, and what a merge costs. A merge of i
// and j by their mean replaces x_i w_i + x_j w_j by (x_i + x_j)/2 (w_i + w_j); what is lost is
// (x_i - x_j)(w_i - w_j)/2, hence over all tokens and outputs
//   D(i, j) = 1/4 (H_ii + H_jj - 2 H_ij) ||w_i - w_j||^2,   H = sum over tokens of x x^T
// (QLLM, arXiv 2310.08041, section 4.2; the closed form is ours).

#ifndef QLLM_SOLVER_REASSEMBLY_ASSEMBLY_H
#define QLLM_SOLVER_REASSEMBLY_ASSEMBLY_H

#include "qllm/Support/Matrix.h"
#include <vector>

namespace qllm {

class ThreadPool;

/// Source is merged into target.
struct ChannelPair {
  int64_t source = 0, target = 0;
  double cost = 0;
};

enum class PairScore {
  /// (||x_i - x_j|| (sum_k w_ki + sum_k w_kj))^2: signed sums over outputs and a plus sign, as the
  /// authors' code has it.
  Published,
  /// D(i, j) above: what the paper says, ||(x_i - x_j)(w_i - w_j)/2||^2.
  Paper,
};

/// Scores of even channels (rows) against odd ones (columns), for `x` [tokens, channels] and
/// `weight` [outputs, channels].
MatrixD bipartiteScores(ThreadPool &pool, const MatrixF &x, const MatrixF &weight, PairScore score);

/// Every even channel takes the odd one with the least score; the `merges` smallest of these edges
/// are taken. Channels with more than one part are never merged. Several even channels may go into
/// the same odd one. Ties go to the lower channel.
std::vector<ChannelPair> matchBipartite(const MatrixD &scores, llvm::ArrayRef<int64_t> parts,
                                        int64_t merges);

/// D of every pair of channels, from H (or any positive multiple of it) and K = W^T W.
MatrixD meanMergeCosts(const MatrixD &hessian, const MatrixD &weightGram);

/// Cost of every pair merged in the best way: the smaller eigenvalue of S K S with S = H^(1/2) of
/// the two channels (2 x 2).
MatrixD optimalMergeCosts(const MatrixD &hessian, const MatrixD &weightGram);

/// The cheapest pairs of all, no channel in two of them, taken in the order of cost; at most
/// `merges`. Channels with more than one part stay out. Ties go to the lower channels.
std::vector<ChannelPair> matchDisjoint(const MatrixD &costs, llvm::ArrayRef<int64_t> parts,
                                       int64_t merges);

/// What the merged channel carries and what its weight column becomes:
///   x' = inputSource x_i + inputTarget x_j,   w' = weightSource w_i + weightTarget w_j.
struct PairMerge {
  double inputSource = 0.5, inputTarget = 0.5;
  double weightSource = 1, weightTarget = 1;
};

/// The merge that `optimalMergeCosts` counts: x' along the other eigenvector of S K S, and
/// w' = W H c / (c^T H c), the best column for it. `hessian` and `gram` are the 2 x 2 blocks
/// [ii, ij, jj].
PairMerge optimalPairMerge(const double hessian[3], const double gram[3]);

/// For every channel, the one of the result that it goes to, numbered without gaps.
std::vector<int64_t> mergeTargets(int64_t channels, llvm::ArrayRef<ChannelPair> pairs);

} // namespace qllm

#endif // QLLM_SOLVER_REASSEMBLY_ASSEMBLY_H
