// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The tool's log: stderr, three levels, and a progress line that exists on terminals only.

#ifndef QLLM_TOOLS_USERTOOL_LOG_H
#define QLLM_TOOLS_USERTOOL_LOG_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

namespace qllm::tool {

enum class LogLevel { Quiet, Normal, Verbose };

class Log {
public:
  explicit Log(llvm::raw_ostream &os);

  void setLevel(LogLevel newLevel) { level = newLevel; }
  LogLevel getLevel() const { return level; }

  /// Errors are printed at every level.
  void error(const llvm::Twine &message);
  void warning(const llvm::Twine &message);
  void info(const llvm::Twine &message);
  void verbose(const llvm::Twine &message);

  /// Says how far a long step is. On a terminal a bar with the time left and the memory held is
  /// redrawn in place and goes away at the end; elsewhere there is a line at the end, and one every
  /// half a minute until then.
  void progress(llvm::StringRef step, size_t done, size_t total);

private:
  void clearProgress();
  void line(const char *kind, const llvm::Twine &message);

  llvm::raw_ostream &os;
  LogLevel level = LogLevel::Normal;
  bool isTerminal;
  bool progressShown = false;
  struct Step {
    std::chrono::steady_clock::time_point start, lastShown;
  };
  /// Those under way, by name.
  llvm::StringMap<Step> progressSteps;
};

} // namespace qllm::tool

#endif // QLLM_TOOLS_USERTOOL_LOG_H
