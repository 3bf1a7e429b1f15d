// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What candidates of input quantizers are compared by.

#ifndef QLLM_SITE_OUTPUTERROR_H
#define QLLM_SITE_OUTPUTERROR_H

#include "qllm/Site/SiteState.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// Relative error of a site's output on a sample of its inputs x, with the weight W as it is behind
/// the maps: mean over tokens of |W x^ - W x|^2 / |W x|^2.
class OutputError {
public:
  /// A sample of about 1024 tokens of `residual` that are no attention sinks. An error where W is
  /// not finite.
  static llvm::Expected<OutputError> create(SiteState &state);

  /// x [tokens, channels].
  const MatrixF &values() const { return sample; }

  /// The error of x^ = `quantized`, of the shape of `values`.
  double of(const MatrixF &quantized) const;

private:
  OutputError(ThreadPool &pool, MatrixF sample, MatrixF metric);

  ThreadPool &pool;
  MatrixF sample, metric;
  /// |W x|^2 of each token.
  std::vector<double> energies;
};

} // namespace qllm

#endif // QLLM_SITE_OUTPUTERROR_H
