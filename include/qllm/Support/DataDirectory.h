// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Read-only, mapped files below one directory. Names come from models that nobody vouches for, so nothing outside the
// directory can be reached, whatever a name says.

#ifndef QLLM_SUPPORT_DATADIRECTORY_H
#define QLLM_SUPPORT_DATADIRECTORY_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <memory>
#include <mutex>
#include <string>

namespace qllm {

/// The bytes of one file, mapped read-only. The descriptor stays open so that ranges can be copied inside the kernel.
/// Pages are only resident once touched. No alignment beyond the file's own offsets is promised.
class MappedFile {
public:
  /// Maps an open descriptor, which it then owns. `name` is used in messages only.
  static llvm::Expected<std::shared_ptr<MappedFile>> map(int descriptor, llvm::StringRef name);
  /// Opens and maps a file that the user named: links are followed, but it must be a regular file.
  static llvm::Expected<std::shared_ptr<MappedFile>> open(llvm::StringRef path);
  ~MappedFile();
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  llvm::ArrayRef<char> bytes() const { return {data, size}; }
  int descriptor() const { return fd; }
  llvm::StringRef name() const { return fileName; }
  /// The range [offset, offset + length), or an error when it does not lie within the file.
  llvm::Expected<llvm::ArrayRef<char>> range(uint64_t offset, uint64_t length) const;
  /// Lets the pages of a range leave memory; they are read again when needed.
  void evict(uint64_t offset, uint64_t length) const;

private:
  MappedFile(int fd, const char *data, size_t size, llvm::StringRef name) : fd(fd), data(data), size(size), fileName(name) {}
  int fd;
  const char *data;
  size_t size;
  std::string fileName;
};

/// A handle on a directory. Files are opened relative to it: a name may not be absolute, may not leave the directory by
/// `..`, may not pass through a symbolic link, and must end at a regular file with a single hard link. Each file is
/// mapped once. Safe to use from several threads.
class DataDirectory {
public:
  /// How names are resolved: by the kernel (openat2), falling back where it cannot, or always one component at a time.
  enum class Opening { Confined, Stepwise };
  static llvm::Expected<std::unique_ptr<DataDirectory>> open(llvm::StringRef path, Opening opening = Opening::Confined);
  ~DataDirectory();

  llvm::Expected<std::shared_ptr<MappedFile>> file(llvm::StringRef name);
  /// Serves `file` under `name` from now on: for a file that the user named and that was opened already.
  void adopt(llvm::StringRef name, std::shared_ptr<MappedFile> file);
  llvm::StringRef path() const { return directoryPath; }
  /// Whether `path` names this very directory.
  bool isSameAs(llvm::StringRef path) const;

private:
  DataDirectory(int fd, llvm::StringRef path, Opening opening);
  llvm::Expected<int> openBeneath(llvm::StringRef name) const;
  struct Cache;
  int fd;
  Opening opening;
  std::string directoryPath;
  std::mutex mutex;
  std::unique_ptr<Cache> cache;
};

} // namespace qllm

#endif // QLLM_SUPPORT_DATADIRECTORY_H
