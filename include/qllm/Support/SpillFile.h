// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Memory on disk, for results that are larger than memory.

#ifndef QLLM_SUPPORT_SPILLFILE_H
#define QLLM_SUPPORT_SPILLFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace qllm {

/// There is no room for a result; the message names the directory.
class SpillError : public llvm::ErrorInfo<SpillError> {
public:
  static char ID;
  explicit SpillError(std::string message) : message(std::move(message)) {}
  void log(llvm::raw_ostream &os) const override { os << message; }
  std::error_code convertToErrorCode() const override { return llvm::inconvertibleErrorCode(); }

private:
  std::string message;
};

/// Mapped regions of a file that has no name, so nothing is left of it however the process ends.
/// The file is made when the first region is asked for. Safe to use from several threads.
class SpillFile {
public:
  explicit SpillFile(llvm::StringRef directory) : directory(directory.str()) {}
  ~SpillFile();
  SpillFile(const SpillFile &) = delete;
  SpillFile &operator=(const SpillFile &) = delete;

  /// `size` bytes of zeros. Their place on disk is taken at once: a full disk is an error here and
  /// not a signal when they are written. A `SpillError` where there is none.
  llvm::Expected<llvm::MutableArrayRef<char>> allocate(size_t size);
  /// Gives a region up.
  void release(llvm::ArrayRef<char> region);

  /// Lets the pages of a region leave memory; they are read again when needed. Bytes that lie in no
  /// region of this file stay where they are.
  void evict(llvm::ArrayRef<char> bytes);

private:
  llvm::Error open();
  llvm::Error failed(const char *what, int error) const;

  std::string directory;
  std::mutex mutex;
  int fd = -1;
  uint64_t size = 0;
  /// First byte to size.
  std::map<const char *, size_t> regions;
};

} // namespace qllm

#endif // QLLM_SUPPORT_SPILLFILE_H
