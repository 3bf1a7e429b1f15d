// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What a long run keeps, so that the same run, started again after an interruption, need not
// compute it again.

#ifndef QLLM_SUPPORT_JOURNAL_H
#define QLLM_SUPPORT_JOURNAL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>

namespace qllm {

/// Passes find theirs by `RunListener::journal`. Used by one thread at a time.
class Journal {
public:
  virtual ~Journal();

  /// A prefix for the keys of the pass that starts now: equal for equal passes of an interrupted
  /// run and the one that goes on with it, different for two passes of one run.
  std::string section(llvm::StringRef pass);

  /// What an earlier run stored under `key`; valid as long as the journal.
  virtual std::optional<llvm::ArrayRef<char>> find(llvm::StringRef key) const = 0;
  /// Keeps `bytes` under `key`; they are on disk when this returns.
  virtual llvm::Error store(llvm::StringRef key, llvm::ArrayRef<char> bytes) = 0;

  /// The same for one entry that takes the place of the one before it, whatever its key: the state
  /// of a walk, of which only the latest is of use.
  virtual std::optional<llvm::ArrayRef<char>> findLatest(llvm::StringRef key) const = 0;
  virtual llvm::Error storeLatest(llvm::StringRef key, llvm::ArrayRef<char> bytes) = 0;

private:
  unsigned sections = 0;
};

} // namespace qllm

#endif // QLLM_SUPPORT_JOURNAL_H
