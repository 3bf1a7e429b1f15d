// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Levels, progress and the process's own cost.

#include "qllm/Tools/UserTool/Log.h"

#include "qllm/Support/PrintableStream.h"
#include "qllm/Support/ProcessUsage.h"
#include "llvm/Support/Format.h"

using namespace llvm;
using namespace qllm::tool;

Log::Log(raw_ostream &os) : os(os), isTerminal(os.is_displayed()) {}

void Log::clearProgress() {
  if (!progressShown)
    return;
  os << "\r\x1b[K";
  progressShown = false;
}

void Log::line(const char *kind, const Twine &message) {
  clearProgress();
  PrintableStream(os) << kind << message << "\n";
}

void Log::error(const Twine &message) { line("error: ", message); }

void Log::warning(const Twine &message) {
  if (level != LogLevel::Quiet)
    line("warning: ", message);
}

void Log::info(const Twine &message) {
  if (level != LogLevel::Quiet)
    line("", message);
}

void Log::verbose(const Twine &message) {
  if (level == LogLevel::Verbose)
    line("", message);
}

/// 45 s, 3 min 20 s, 2 h 5 min.
static std::string durationText(double seconds) {
  auto whole = int64_t(seconds + 0.5);
  if (whole < 60)
    return std::to_string(whole) + " s";
  if (whole < 3600)
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole / 60 % 60) + " min";
}

static std::string barText(size_t done, size_t total) {
  constexpr size_t width = 24;
  size_t filled = total ? std::min(width, width * done / total) : 0;
  return "[" + std::string(filled, '=') + std::string(width - filled, ' ') + "]";
}

void Log::progress(StringRef step, size_t done, size_t total) {
  auto now = std::chrono::steady_clock::now();
  // Steps may lie within each other: the time of the outer one goes on.
  auto [entry, isNew] = progressSteps.try_emplace(step, Step{now, now});
  double elapsed = std::chrono::duration<double>(now - entry->second.start).count();
  double quiet = std::chrono::duration<double>(now - entry->second.lastShown).count();
  std::string left = done ? durationText(elapsed / double(done) * double(total - done)) + " left"
                          : std::string("time left not known yet");
  if (done >= total)
    progressSteps.erase(entry);
  if (level == LogLevel::Quiet)
    return;
  if (!isTerminal) {
    constexpr double secondsBetweenLines = 30;
    if (done >= total) {
      os << step << ": " << done << " done in " << llvm::format("%.1f s\n", elapsed);
    } else if (quiet >= secondsBetweenLines) {
      entry->second.lastShown = now;
      os << step << ": " << done << " of " << total << ", " << left << "\n";
    }
    return;
  }
  constexpr double secondsBetweenFrames = 0.1;
  if (done < total && !isNew && quiet < secondsBetweenFrames)
    return;
  clearProgress();
  if (done >= total)
    return;
  entry->second.lastShown = now;
  os << step << " " << barText(done, total) << " " << done << "/" << total << ", " << left
     << llvm::format(", %.0f MB", peakResidentBytes() / 1e6);
  os.flush();
  progressShown = true;
}
