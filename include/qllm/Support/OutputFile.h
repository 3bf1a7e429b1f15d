// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A file that appears whole or not at all.

#ifndef QLLM_SUPPORT_OUTPUTFILE_H
#define QLLM_SUPPORT_OUTPUTFILE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <string>

namespace qllm {

class MappedFile;

/// Written under a temporary name in the same directory; `commit` makes it durable and renames it. Without a commit it is
/// removed, also when a signal ends the process; after a kill or a power cut the temporary file may be left, under its own name.
class OutputFile {
public:
  static llvm::Expected<std::unique_ptr<OutputFile>> create(llvm::StringRef path);
  ~OutputFile();
  OutputFile(const OutputFile &) = delete;
  OutputFile &operator=(const OutputFile &) = delete;

  llvm::Error write(llvm::ArrayRef<char> bytes);
  /// Appends a range of `source`, inside the kernel where it can do so: the bytes never enter this process.
  llvm::Error copy(const MappedFile &source, uint64_t offset, uint64_t length);
  /// Appends zeros up to a multiple of `alignment`, a power of two.
  llvm::Error align(uint64_t alignment);
  /// Bytes written so far.
  uint64_t size() const { return written; }
  /// The file is on disk, whole and under its name, once this returns without an error.
  llvm::Error commit();

private:
  OutputFile(int fd, std::string path, std::string temporary) : fd(fd), path(std::move(path)), temporary(std::move(temporary)) {}
  llvm::Error failed(const char *what, int error) const;
  int fd;
  std::string path, temporary;
  uint64_t written = 0;
};

/// The same for contents that are at hand.
llvm::Error writeOutputFile(llvm::StringRef path, llvm::ArrayRef<char> bytes);

/// Makes names in a directory ("" is the current one) durable: what was created, renamed or removed there.
llvm::Error syncDirectory(llvm::StringRef path);

} // namespace qllm

#endif // QLLM_SUPPORT_OUTPUTFILE_H
