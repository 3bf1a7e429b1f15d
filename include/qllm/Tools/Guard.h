// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What stands between a file and a tool that hands it to MLIR: limits as flags, printable messages,
// and an end to output.

#ifndef QLLM_TOOLS_GUARD_H
#define QLLM_TOOLS_GUARD_H

#include "qllm/Target/Module/InputLimits.h"
#include "llvm/Support/CommandLine.h"
#include <atomic>
#include <functional>
#include <sys/types.h>

namespace qllm {

/// The limits as flags of a tool that has command line options of LLVM's. One object a process,
/// alive while they are parsed and used.
struct LimitOptions {
  LimitOptions();
  InputLimits limits() const;

  llvm::cl::OptionCategory category;
  llvm::cl::opt<uint64_t> nesting, literal, expansion, seconds;
};

/// Sends everything that the process writes to stderr, by whatever library, through a
/// PrintableStream. A second process does the writing, so that messages of a crash are not lost. To
/// be made before the first thread.
class PrintableErrors {
public:
  PrintableErrors();
  /// Returns when all is written.
  ~PrintableErrors();
  /// Waits until all that was said so far is written, so that what goes to stdout from then on
  /// comes behind it where both are one.
  void drain();

private:
  pid_t writer = -1;
  std::atomic<bool> *busy = nullptr; ///< shared with the writer
};

/// Passes on at most `limit` bytes, each time after a call of `before`. With the first byte more it
/// calls `exceeded`, which must not return: a printer cannot be stopped otherwise.
class BoundedStream : public llvm::raw_ostream {
public:
  BoundedStream(llvm::raw_ostream &to, uint64_t limit, std::function<void()> before,
                std::function<void()> exceeded);
  ~BoundedStream() override;

private:
  void write_impl(const char *data, size_t size) override;
  uint64_t current_pos() const override { return written; }

  llvm::raw_ostream &to;
  uint64_t limit, written = 0;
  std::function<void()> before, exceeded;
};

} // namespace qllm

#endif // QLLM_TOOLS_GUARD_H
