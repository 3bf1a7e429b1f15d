// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What this process has cost so far.

#ifndef QLLM_SUPPORT_PROCESSUSAGE_H
#define QLLM_SUPPORT_PROCESSUSAGE_H

#include <cstdint>

namespace qllm {

/// Largest resident memory of this process so far, in bytes.
uint64_t peakResidentBytes();
/// CPU time of this process so far (all threads, user and system), in seconds.
double cpuSeconds();

} // namespace qllm

#endif // QLLM_SUPPORT_PROCESSUSAGE_H
