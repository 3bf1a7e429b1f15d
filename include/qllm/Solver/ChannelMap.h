// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channel transforms as values: what the channel operations of the qllm dialect compute, on
// matrices. Algorithms decide with these; the decision becomes IR afterwards.

#ifndef QLLM_SOLVER_CHANNELMAP_H
#define QLLM_SOLVER_CHANNELMAP_H

#include "qllm/Support/Matrix.h"

namespace qllm {

class ThreadPool;

/// One orthogonal factor of a rotation. Channels (i * size + k) * stride + t, for fixed i and t,
/// are mixed: y[(i size + j) stride + t] = sum over k of x[(i size + k) stride + t] * matrix(k, j).
/// With strides, Kronecker products such as H36 x H16 need no matrix of the whole width.
struct RotationFactor {
  int64_t size = 1;
  int64_t stride = 1;
  MatrixF matrix;
};

/// A map x -> T(x) of the channels of every row. All but a merge are invertible and hence exact:
/// absorbing them into a weight gives the same product in real arithmetic.
struct ChannelMap {
  enum class Kind {
    Shift,   ///< x - values
    Scale,   ///< x / values
    Permute, ///< y[j] = x[indices[j]]
    Rotate,  ///< by the factors, one after the other
    Merge,   ///< y[i] = sum of values[j] x[j] over all j with indices[j] = i
  };
  Kind kind = Kind::Shift;
  std::vector<float> values;
  std::vector<int64_t> indices;
  std::vector<RotationFactor> factors;
  /// Of a merge: what column j of the weight counts in the column that it becomes part of.
  std::vector<float> weightValues;

  /// Channels behind the map, for `channels` in front of it.
  int64_t width(int64_t channels) const;
};

/// T(x), rows in parallel; the same bits for any number of threads.
MatrixF applyMap(ThreadPool &pool, const ChannelMap &map, const MatrixF &x);

/// Rewrites y = x W^T + b so that it takes T(x): a scale multiplies columns, a rotation rotates
/// them, a shift adds W values to the bias (`bias` has one element for each row of W).
void absorbMap(ThreadPool &pool, const ChannelMap &map, MatrixF &weight, std::vector<float> &bias);

} // namespace qllm

#endif // QLLM_SOLVER_CHANNELMAP_H
