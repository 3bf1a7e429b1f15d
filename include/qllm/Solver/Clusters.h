// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Channels with similar ranges beside each other (RPTQ, arXiv 2304.01089, section 3.2).

#ifndef QLLM_SOLVER_CLUSTERS_H
#define QLLM_SOLVER_CLUSTERS_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <vector>

namespace qllm {

/// The number of the cluster of each channel, from k-means on the points (maximum, minimum): the
/// best of `restarts` starts from channels drawn at random. Ties go to the cluster, and to the
/// start, of the lowest number. There are at most `clusters`; empty ones are left out.
std::vector<int64_t> clusterChannels(llvm::ArrayRef<float> minimum, llvm::ArrayRef<float> maximum,
                                     int64_t clusters, uint64_t seed, int64_t restarts = 10);

/// Channels cluster by cluster, clusters by the range they need (that of the mean channel),
/// channels of one cluster in their own order: `order[j]` is the channel that comes at place j.
std::vector<int64_t> clusterOrder(llvm::ArrayRef<float> minimum, llvm::ArrayRef<float> maximum,
                                  llvm::ArrayRef<int64_t> clusterOfChannel);

} // namespace qllm

#endif // QLLM_SOLVER_CLUSTERS_H
