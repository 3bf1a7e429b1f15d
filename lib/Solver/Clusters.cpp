// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Lloyd's algorithm in double, one thread: a few hundred points of two numbers.

#include "qllm/Solver/Clusters.h"
#include "llvm/ADT/STLExtras.h"
#include <limits>
#include <numeric>

using namespace qllm;

namespace {

struct Point {
  double high = 0, low = 0;
};

double distance(Point a, Point b) {
  return (a.high - b.high) * (a.high - b.high) + (a.low - b.low) * (a.low - b.low);
}

/// The same numbers on every machine (SplitMix64).
class Random {
public:
  explicit Random(uint64_t seed) : state(seed) {}
  uint64_t below(uint64_t limit) {
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % limit;
  }

private:
  uint64_t state;
};

struct Clustering {
  std::vector<int64_t> of;
  double cost = std::numeric_limits<double>::infinity();
};

/// Puts every point into the nearest cluster; returns whether one moved.
bool assign(llvm::ArrayRef<Point> points, llvm::ArrayRef<Point> centers, Clustering &result) {
  bool moved = false;
  result.cost = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    size_t best = 0;
    for (size_t c = 1; c < centers.size(); ++c)
      if (distance(points[i], centers[c]) < distance(points[i], centers[best]))
        best = c;
    moved |= result.of[i] != int64_t(best);
    result.of[i] = int64_t(best);
    result.cost += distance(points[i], centers[best]);
  }
  return moved;
}

void recenter(llvm::ArrayRef<Point> points, const Clustering &clustering,
              std::vector<Point> &centers) {
  std::vector<Point> sums(centers.size());
  std::vector<int64_t> counts(centers.size());
  for (size_t i = 0; i < points.size(); ++i) {
    size_t c = size_t(clustering.of[i]);
    sums[c].high += points[i].high;
    sums[c].low += points[i].low;
    ++counts[c];
  }
  // A cluster without points keeps its center.
  for (size_t c = 0; c < centers.size(); ++c)
    if (counts[c])
      centers[c] = {sums[c].high / double(counts[c]), sums[c].low / double(counts[c])};
}

Clustering runOnce(llvm::ArrayRef<Point> points, int64_t clusters, Random &random) {
  // Different channels to start from: the head of a random permutation.
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::vector<Point> centers;
  for (int64_t c = 0; c < clusters; ++c) {
    std::swap(order[size_t(c)], order[size_t(c) + random.below(order.size() - size_t(c))]);
    centers.push_back(points[order[size_t(c)]]);
  }
  Clustering result;
  result.of.assign(points.size(), -1);
  for (int iteration = 0; iteration < 300 && assign(points, centers, result); ++iteration)
    recenter(points, result, centers);
  return result;
}

} // namespace

std::vector<int64_t> qllm::clusterChannels(llvm::ArrayRef<float> minimum,
                                           llvm::ArrayRef<float> maximum, int64_t clusters,
                                           uint64_t seed, int64_t restarts) {
  std::vector<Point> points;
  for (size_t j = 0; j < minimum.size(); ++j)
    points.push_back({maximum[j], minimum[j]});
  clusters = std::min<int64_t>(clusters, int64_t(points.size()));
  if (clusters <= 1)
    return std::vector<int64_t>(points.size(), 0);
  Random random(seed);
  Clustering best;
  for (int64_t i = 0; i < restarts; ++i) {
    Clustering found = runOnce(points, clusters, random);
    if (found.cost < best.cost)
      best = std::move(found);
  }
  return best.of;
}

std::vector<int64_t> qllm::clusterOrder(llvm::ArrayRef<float> minimum,
                                        llvm::ArrayRef<float> maximum,
                                        llvm::ArrayRef<int64_t> clusterOfChannel) {
  int64_t clusters = clusterOfChannel.empty() ? 0 : *llvm::max_element(clusterOfChannel) + 1;
  std::vector<double> range(size_t(clusters), 0), count(size_t(clusters), 0);
  for (size_t j = 0; j < clusterOfChannel.size(); ++j) {
    range[size_t(clusterOfChannel[j])] += double(maximum[j]) - double(minimum[j]);
    ++count[size_t(clusterOfChannel[j])];
  }
  for (size_t c = 0; c < range.size(); ++c)
    range[c] /= std::max(1.0, count[c]);
  std::vector<int64_t> order(clusterOfChannel.size());
  std::iota(order.begin(), order.end(), int64_t(0));
  llvm::stable_sort(order, [&](int64_t a, int64_t b) {
    int64_t left = clusterOfChannel[size_t(a)], right = clusterOfChannel[size_t(b)];
    return std::pair(range[size_t(left)], left) < std::pair(range[size_t(right)], right);
  });
  return order;
}
