// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finds the tokens that hold attention sinks.

#ifndef QLLM_CALIBRATION_SINKS_H
#define QLLM_CALIBRATION_SINKS_H

#include "qllm/Calibration/Walk.h"
#include <map>
#include <vector>

namespace qllm {

/// Attention sinks (Xiao et al., arXiv 2309.17453) carry massive activations (Sun et al.,
/// arXiv 2402.17762): from some layer on, a few channels of a few tokens are hundreds of times
/// larger than anything else. The rule: a token is a sink from the first activation on whose norm
/// at that token is more than `factor` times the median over all tokens of the calibration run.
/// What models make sinks of differs (the first token, delimiters), so no position is ever assumed.
class SinkFinder {
public:
  explicit SinkFinder(double factor = defaultFactor) : factor(factor) {}

  /// Massive activations of SmolLM2 lie 150 to 580 times above the median where they appear, and
  /// other tokens at most 24 times (docs/calibration.md).
  static constexpr double defaultFactor = 32;

  /// Looks at an activation [.., tokens, channels]. Anything else is passed over.
  void observe(const WindowValues &values);

  /// The sinks among rows with these borders, as `toMatrix` gives them.
  std::vector<bool> rows(llvm::ArrayRef<int64_t> borders) const;

  /// Sinks of all windows.
  int64_t count() const;

  template <typename Stream> friend void transfer(Stream &stream, SinkFinder &finder) {
    std::vector<std::pair<std::vector<int64_t>, std::vector<bool>>> entries(finder.found.begin(),
                                                                            finder.found.end());
    stream(entries);
    finder.found = {entries.begin(), entries.end()};
  }

private:
  double factor;
  /// By borders: activations with as many rows a window are about the same tokens.
  std::map<std::vector<int64_t>, std::vector<bool>> found;
};

} // namespace qllm

#endif // QLLM_CALIBRATION_SINKS_H
