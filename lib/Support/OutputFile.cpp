// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing under a temporary name, and copying ranges of files inside the kernel.

#include "qllm/Support/OutputFile.h"

#include "qllm/Support/DataDirectory.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// How many of the next `length` bytes are a hole of a sparse file, which reads as zeros and need not be written.
uint64_t holeAt(int descriptor, off_t position, uint64_t length) {
  off_t data = lseek(descriptor, position, SEEK_DATA);
  if (data < 0)
    return errno == ENXIO ? length : 0; // no more data: a hole to the end
  return std::min(static_cast<uint64_t>(data - position), length);
}

} // namespace

llvm::Error OutputFile::failed(const char *what, int error) const {
  return llvm::createStringError(llvm::formatv("'{0}': cannot {1}: {2}", path, what, llvm::StringRef(llvm::sys::StrError(error)).lower()).str());
}

llvm::Expected<std::unique_ptr<OutputFile>> OutputFile::create(llvm::StringRef path) {
  std::string temporary = (path + ".XXXXXX").str();
  int fd = mkostemp(temporary.data(), O_CLOEXEC);
  std::unique_ptr<OutputFile> file(new OutputFile(fd, path.str(), fd < 0 ? "" : temporary));
  if (fd < 0)
    return file->failed("create", errno);
  llvm::sys::RemoveFileOnSignal(temporary);
  // mkostemp gives 0600; a result is an ordinary file.
  mode_t mask = umask(0);
  umask(mask);
  fchmod(fd, 0666 & ~mask);
  return std::move(file);
}

OutputFile::~OutputFile() {
  if (fd >= 0)
    close(fd);
  if (temporary.empty())
    return;
  unlink(temporary.c_str());
  llvm::sys::DontRemoveFileOnSignal(temporary);
}

llvm::Error OutputFile::write(llvm::ArrayRef<char> bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return failed("write", errno);
    bytes = bytes.drop_front(static_cast<size_t>(count));
    written += static_cast<uint64_t>(count);
  }
  return llvm::Error::success();
}

llvm::Error OutputFile::copy(const MappedFile &source, uint64_t offset, uint64_t length) {
  llvm::Expected<llvm::ArrayRef<char>> bytes = source.range(offset, length);
  if (!bytes)
    return bytes.takeError();
  off_t position = static_cast<off_t>(offset);
  while (length != 0) {
    if (uint64_t hole = holeAt(source.descriptor(), position, length)) {
      if (lseek(fd, static_cast<off_t>(hole), SEEK_CUR) < 0)
        return failed("write", errno);
      position += static_cast<off_t>(hole);
      length -= hole;
      written += hole;
      continue;
    }
    ssize_t count = copy_file_range(source.descriptor(), &position, fd, nullptr, length, 0);
    if (count <= 0)
      break;
    length -= static_cast<uint64_t>(count);
    written += static_cast<uint64_t>(count);
  }
  // Not every pair of file systems can do that; what is left goes through the mapping.
  return write(bytes->take_back(length));
}

llvm::Error OutputFile::align(uint64_t alignment) {
  llvm::SmallVector<char> zeros((alignment - written % alignment) % alignment, 0);
  return write(zeros);
}

llvm::Error OutputFile::commit() {
  // A hole at the end has moved the position only.
  if (ftruncate(fd, static_cast<off_t>(written)) != 0)
    return failed("write", errno);
  // A rename may reach the disk before the data that it names.
  if (fsync(fd) != 0)
    return failed("write", errno);
  int closed = close(fd);
  fd = -1;
  if (closed != 0)
    return failed("close", errno);
  if (std::rename(temporary.c_str(), path.c_str()) != 0)
    return failed("rename", errno);
  llvm::sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
  return syncDirectory(llvm::sys::path::parent_path(path));
}

llvm::Error qllm::writeOutputFile(llvm::StringRef path, llvm::ArrayRef<char> bytes) {
  llvm::Expected<std::unique_ptr<OutputFile>> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (llvm::Error error = (*file)->write(bytes))
    return error;
  return (*file)->commit();
}

llvm::Error qllm::syncDirectory(llvm::StringRef path) {
  std::string name = path.empty() ? "." : path.str();
  int fd = open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = fd < 0 || fsync(fd) != 0 ? errno : 0;
  if (fd >= 0)
    close(fd);
  // Some file systems cannot do that, and have nothing to do there.
  if (error == 0 || error == EINVAL || error == ENOTSUP)
    return llvm::Error::success();
  return llvm::createStringError(llvm::formatv("'{0}': cannot write: {1}", name, llvm::StringRef(llvm::sys::StrError(error)).lower()).str());
}
