// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Scores of pairs of channels and the matchings made from them.

#include "qllm/Solver/Reassembly/Assembly.h"

#include "qllm/Support/ThreadPool.h"
#include "qllm/Tensor/VectorMath.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

using namespace qllm;
using llvm::ArrayRef;

namespace {

constexpr double never = std::numeric_limits<double>::infinity();

MatrixF transposed(const MatrixF &matrix) {
  MatrixF result(matrix.columns(), matrix.rows());
  for (int64_t i = 0; i < matrix.rows(); ++i)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      result(j, i) = matrix(i, j);
  return result;
}

std::vector<double> columnSums(const MatrixF &matrix) {
  std::vector<double> sums(matrix.columns(), 0.0);
  for (int64_t i = 0; i < matrix.rows(); ++i)
    for (int64_t j = 0; j < matrix.columns(); ++j)
      sums[j] += matrix(i, j);
  return sums;
}

bool isSplit(ArrayRef<int64_t> parts, int64_t channel) {
  return !parts.empty() && parts[channel] > 1;
}

/// Symmetric costs of all pairs i < j from a function of them; the rest is never.
template <typename Cost> MatrixD pairCosts(int64_t channels, Cost cost) {
  MatrixD costs(channels, channels, never);
  for (int64_t i = 0; i < channels; ++i)
    for (int64_t j = i + 1; j < channels; ++j)
      costs(i, j) = cost(i, j);
  return costs;
}

struct Candidate {
  double cost;
  int64_t i, j;
  bool operator<(const Candidate &other) const {
    return std::tie(cost, i, j) < std::tie(other.cost, other.i, other.j);
  }
};

} // namespace

MatrixD qllm::bipartiteScores(ThreadPool &pool, const MatrixF &x, const MatrixF &weight,
                              PairScore score) {
  int64_t channels = x.columns();
  MatrixF channelRows = transposed(x);
  MatrixF weightRows = score == PairScore::Paper ? transposed(weight) : MatrixF();
  std::vector<double> sums = columnSums(weight);
  MatrixD scores((channels + 1) / 2, channels / 2);
  pool.forRange(scores.rows(), 16, [&](int64_t begin, int64_t end) {
    for (int64_t a = begin; a < end; ++a)
      for (int64_t b = 0; b < scores.columns(); ++b) {
        int64_t i = 2 * a, j = 2 * b + 1;
        double inputs = vec::squaredDistance(channelRows.row(i), channelRows.row(j), x.rows());
        if (score == PairScore::Paper)
          scores(a, b) = 0.25 * inputs *
                         vec::squaredDistance(weightRows.row(i), weightRows.row(j), weight.rows());
        else
          scores(a, b) = inputs * (sums[i] + sums[j]) * (sums[i] + sums[j]);
      }
  });
  return scores;
}

std::vector<ChannelPair> qllm::matchBipartite(const MatrixD &scores, ArrayRef<int64_t> parts,
                                              int64_t merges) {
  std::vector<ChannelPair> edges;
  for (int64_t a = 0; a < scores.rows(); ++a) {
    if (isSplit(parts, 2 * a))
      continue;
    ChannelPair edge{2 * a, -1, never};
    for (int64_t b = 0; b < scores.columns(); ++b)
      if (!isSplit(parts, 2 * b + 1) && scores(a, b) < edge.cost)
        edge = {2 * a, 2 * b + 1, scores(a, b)};
    if (edge.target >= 0)
      edges.push_back(edge);
  }
  llvm::sort(edges, [](const ChannelPair &a, const ChannelPair &b) {
    return std::tie(a.cost, a.source) < std::tie(b.cost, b.source);
  });
  edges.resize(std::min<int64_t>(int64_t(edges.size()), std::max<int64_t>(0, merges)));
  return edges;
}

MatrixD qllm::meanMergeCosts(const MatrixD &hessian, const MatrixD &weightGram) {
  auto distance = [](const MatrixD &gram, int64_t i, int64_t j) {
    return std::max(0.0, gram(i, i) + gram(j, j) - 2 * gram(i, j));
  };
  return pairCosts(hessian.rows(), [&](int64_t i, int64_t j) {
    return 0.25 * distance(hessian, i, j) * distance(weightGram, i, j);
  });
}

MatrixD qllm::optimalMergeCosts(const MatrixD &hessian, const MatrixD &weightGram) {
  // Eigenvalues of S K S are those of H K: both from the trace and the determinant.
  return pairCosts(hessian.rows(), [&](int64_t i, int64_t j) {
    double trace = hessian(i, i) * weightGram(i, i) + hessian(j, j) * weightGram(j, j) +
                   2 * hessian(i, j) * weightGram(i, j);
    auto determinant = [&](const MatrixD &gram) {
      return std::max(0.0, gram(i, i) * gram(j, j) - gram(i, j) * gram(i, j));
    };
    double product = determinant(hessian) * determinant(weightGram);
    // The smaller root without the cancellation of (trace - root) / 2.
    double root = std::sqrt(std::max(0.0, trace * trace - 4 * product));
    return trace + root > 0 ? 2 * product / (trace + root) : 0.0;
  });
}

std::vector<ChannelPair> qllm::matchDisjoint(const MatrixD &costs, ArrayRef<int64_t> parts,
                                             int64_t merges) {
  std::vector<Candidate> candidates;
  for (int64_t i = 0; i < costs.rows(); ++i)
    for (int64_t j = i + 1; j < costs.columns(); ++j)
      if (!isSplit(parts, i) && !isSplit(parts, j) && costs(i, j) < never)
        candidates.push_back({costs(i, j), i, j});
  std::vector<ChannelPair> pairs;
  std::vector<bool> used(costs.rows(), false);
  // A short sorted prefix is nearly always enough; it grows when it is not.
  size_t sorted = 0;
  for (size_t next = 0; next < candidates.size() && int64_t(pairs.size()) < merges; ++next) {
    if (next == sorted) {
      size_t wanted = std::max<size_t>(size_t(20 * merges + 50), 2 * sorted);
      size_t end = std::min(candidates.size(), wanted);
      std::partial_sort(candidates.begin() + next, candidates.begin() + end, candidates.end());
      sorted = end;
    }
    const Candidate &candidate = candidates[next];
    if (used[candidate.i] || used[candidate.j])
      continue;
    used[candidate.i] = used[candidate.j] = true;
    pairs.push_back({candidate.i, candidate.j, candidate.cost});
  }
  return pairs;
}

PairMerge qllm::optimalPairMerge(const double hessian[3], const double gram[3]) {
  // c maximises (c^T H K H c) / (c^T H c), what one column keeps of the pair's output. In u = H c
  // it is the generalised eigenproblem K u = lambda H^-1 u, or (H K) u = lambda u: u is the
  // dominant eigenvector of H K, and c = H^-1 u.
  double a = hessian[0], b = hessian[1], d = hessian[2];
  double m00 = a * gram[0] + b * gram[1], m01 = a * gram[1] + b * gram[2];
  double m10 = b * gram[0] + d * gram[1], m11 = b * gram[1] + d * gram[2];
  double half = (m00 - m11) / 2;
  double root = std::sqrt(std::max(0.0, half * half + m01 * m10));
  double lambda = (m00 + m11) / 2 + root;
  // Of the two rows of M - lambda I, the one with the larger elements.
  double u0 = m01, u1 = lambda - m00;
  if (std::fabs(lambda - m11) + std::fabs(m10) > std::fabs(u0) + std::fabs(u1)) {
    u0 = lambda - m11;
    u1 = m10;
  }
  // A pair that is (nearly) one channel twice makes H singular; a little of its trace keeps c
  // finite, and c then tends to the mean.
  double ridge = 1e-9 * (a + d);
  a += ridge;
  d += ridge;
  double determinant = a * d - b * b;
  double c0 = (d * u0 - b * u1) / determinant, c1 = (a * u1 - b * u0) / determinant;
  double energy = c0 * u0 + c1 * u1;
  if (!(determinant > 0) || !(energy > 0) || !std::isfinite(energy))
    return PairMerge();
  double scale = 1 / std::sqrt(energy);
  return {c0 * scale, c1 * scale, u0 * scale, u1 * scale};
}

std::vector<int64_t> qllm::mergeTargets(int64_t channels, ArrayRef<ChannelPair> pairs) {
  std::vector<int64_t> parent(channels, -1), targets(channels);
  for (const ChannelPair &pair : pairs)
    parent[pair.source] = pair.target;
  int64_t next = 0;
  for (int64_t channel = 0; channel < channels; ++channel)
    if (parent[channel] < 0)
      targets[channel] = next++;
  for (int64_t channel = 0; channel < channels; ++channel)
    if (parent[channel] >= 0)
      targets[channel] = targets[parent[channel]];
  return targets;
}
