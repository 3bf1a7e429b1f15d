// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Where the time of a run went.

#ifndef QLLM_API_RUNTIMES_H
#define QLLM_API_RUNTIMES_H

#include "qllm/API/Report.h"
#include <chrono>

namespace qllm::api {

/// Stages follow each other and add up to the run; parts are what long passes tell of themselves.
class RunTimes {
public:
  RunTimes();

  struct Part {
    std::string pass, name;
    /// Of all threads, on processors.
    double seconds;
  };
  void addPart(llvm::StringRef pass, llvm::StringRef part, double seconds);
  llvm::ArrayRef<Part> parts() const { return allParts; }

  /// To be called when a stage of the run has ended; it began when the one before it did.
  void endStage(llvm::StringRef name);
  /// What happens from now on is no part of what was before.
  void restart();

  /// [{pass, part, cpu_seconds}]
  Json partsJson() const;
  /// [{stage, seconds, cpu_seconds, peak_bytes}], the last of the process so far.
  Json stagesJson() const;

private:
  struct Stage {
    std::string name;
    double seconds, cpuSeconds;
    uint64_t peakBytes;
  };
  std::vector<Part> allParts;
  std::vector<Stage> stages;
  std::chrono::steady_clock::time_point start;
  double startCpu;
};

} // namespace qllm::api

#endif // QLLM_API_RUNTIMES_H
