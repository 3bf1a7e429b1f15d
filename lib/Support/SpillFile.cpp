// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One region after the other in a file without a name.

#include "qllm/Support/SpillFile.h"

#include "llvm/Support/Errno.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace qllm;
using llvm::Error;
using llvm::Expected;

char SpillError::ID;

SpillFile::~SpillFile() {
  if (fd >= 0)
    close(fd);
}

Error SpillFile::failed(const char *what, int error) const {
  return llvm::make_error<SpillError>(
      llvm::formatv("'{0}': cannot {1}: {2}", directory.empty() ? "." : directory, what,
                    llvm::StringRef(llvm::sys::StrError(error)).lower())
          .str());
}

Error SpillFile::open() {
  if (fd >= 0)
    return Error::success();
  std::string name = directory.empty() ? "." : directory;
  fd = ::open(name.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd >= 0)
    return Error::success();
  // Not every file system makes files without a name; one that loses its name at once will do.
  std::string pattern = name + "/.qllm-spill.XXXXXX";
  fd = mkostemp(pattern.data(), O_CLOEXEC);
  if (fd < 0)
    return failed("create a file for weights that do not fit into memory", errno);
  unlink(pattern.c_str());
  return Error::success();
}

Expected<llvm::MutableArrayRef<char>> SpillFile::allocate(size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  if (Error error = open())
    return std::move(error);
  uint64_t page = uint64_t(sysconf(_SC_PAGESIZE));
  uint64_t length = llvm::alignTo(std::max<uint64_t>(bytes, 1), page);
  if (int error = posix_fallocate(fd, off_t(size), off_t(length)))
    return failed(llvm::formatv("take {0} bytes for weights", length).str().c_str(), error);
  void *address =
      mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off_t(size));
  if (address == MAP_FAILED)
    return failed("map weights", errno);
  size += length;
  auto *start = static_cast<char *>(address);
  regions[start] = length;
  return llvm::MutableArrayRef<char>(start, bytes);
}

void SpillFile::release(llvm::ArrayRef<char> region) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = regions.find(region.data());
  if (found == regions.end())
    return;
  munmap(const_cast<char *>(found->first), found->second);
  regions.erase(found);
}

void SpillFile::evict(llvm::ArrayRef<char> bytes) {
  std::lock_guard<std::mutex> lock(mutex);
  auto found = regions.upper_bound(bytes.data());
  if (found == regions.begin())
    return;
  --found;
  if (bytes.data() < found->first + found->second)
    madvise(const_cast<char *>(found->first), found->second, MADV_DONTNEED);
}
