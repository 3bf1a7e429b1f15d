// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/ProcessUsage.h"

#include <sys/resource.h>

uint64_t qllm::peakResidentBytes() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) ? 0 : uint64_t(usage.ru_maxrss) * 1024;
}

double qllm::cpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage))
    return 0;
  auto seconds = [](timeval time) { return double(time.tv_sec) + double(time.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
