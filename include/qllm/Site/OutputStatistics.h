// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What is known of a finished site's outputs where the calibration rows are no longer at hand.

#ifndef QLLM_SITE_OUTPUTSTATISTICS_H
#define QLLM_SITE_OUTPUTSTATISTICS_H

#include "qllm/Site/SiteState.h"

namespace qllm {

/// One entry for each row of the weight; all empty where a site has seen no token.
struct OutputStatistics {
  /// Over the tokens that are no attention sinks.
  std::vector<float> mean;
  /// Over all tokens: attention needs the keys of sinks too.
  std::vector<float> lowest, highest;
};

/// Of the finished site's `output`.
OutputStatistics measureOutput(SiteState &state);

template <typename Stream> void transfer(Stream &stream, OutputStatistics &statistics) {
  stream(statistics.mean, statistics.lowest, statistics.highest);
}

} // namespace qllm

#endif // QLLM_SITE_OUTPUTSTATISTICS_H
