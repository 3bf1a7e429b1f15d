// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels, progress and the process's own cost.

#include "qllm/Tools/UserTool/Log.h"

#include "qllm/Support/PrintableStream.h"
#include "llvm/Support/Format.h"
#include <sys/resource.h>

using namespace llvm;
using namespace qllm::tool;

Log::Log(raw_ostream &os) : os(os), isTerminal(os.is_displayed()) {}

void Log::clearProgress() {
  if (!progressShown)
    return;
  os << "\r\x1b[K";
  progressShown = false;
}

void Log::error(const Twine &message) {
  clearProgress();
  os << "error: " << printable(message.str()) << "\n";
}

void Log::warning(const Twine &message) {
  if (level == LogLevel::Quiet)
    return;
  clearProgress();
  os << "warning: " << printable(message.str()) << "\n";
}

void Log::info(const Twine &message) {
  if (level == LogLevel::Quiet)
    return;
  clearProgress();
  os << printable(message.str()) << "\n";
}

void Log::verbose(const Twine &message) {
  if (level != LogLevel::Verbose)
    return;
  clearProgress();
  os << printable(message.str()) << "\n";
}

void Log::progress(StringRef step, size_t done, size_t total) {
  auto now = std::chrono::steady_clock::now();
  if (step != progressStep) {
    progressStep = step.str();
    progressStart = now;
  }
  if (level == LogLevel::Quiet)
    return;
  double elapsed = std::chrono::duration<double>(now - progressStart).count();
  if (!isTerminal) {
    if (done == total)
      os << step << ": " << done << " done in " << llvm::format("%.1f s\n", elapsed);
    return;
  }
  clearProgress();
  if (done == total)
    return;
  double left = done ? elapsed / done * (total - done) : 0;
  os << step << ": " << done << "/" << total
     << llvm::format(", %.0f s left, %.0f MB", left, peakResidentBytes() / 1e6);
  os.flush();
  progressShown = true;
}

uint64_t qllm::tool::peakResidentBytes() {
  rusage usage;
  return getrusage(RUSAGE_SELF, &usage) ? 0 : uint64_t(usage.ru_maxrss) * 1024;
}

double qllm::tool::cpuSeconds() {
  rusage usage;
  if (getrusage(RUSAGE_SELF, &usage))
    return 0;
  auto seconds = [](timeval time) { return time.tv_sec + time.tv_usec * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}
