// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening files by names that a model gives, and mapping them.

#include "qllm/Support/DataDirectory.h"

#include "qllm/Support/MappingFaults.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Errno.h"
#include "llvm/Support/FormatVariadic.h"
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#if __has_include(<linux/openat2.h>)
#include <linux/openat2.h>
#endif
#endif

using namespace qllm;
using llvm::StringRef;

namespace {

/// Names come from files: anything unprintable is escaped before it reaches a terminal.
std::string quoted(StringRef name) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << '\'';
  llvm::printEscapedString(name.take_front(200), stream);
  stream << (name.size() > 200 ? "...'" : "'");
  return text;
}

template <typename... Args> llvm::Error failure(const char *format, Args &&...args) {
  return llvm::createStringError(llvm::formatv(format, std::forward<Args>(args)...).str());
}

std::string reason(int error) { return StringRef(llvm::sys::StrError(error)).lower(); }

llvm::Error checkRegular(const struct stat &status, StringRef name) {
  if (S_ISREG(status.st_mode))
    return llvm::Error::success();
  const char *kind = S_ISDIR(status.st_mode)    ? "a directory"
                     : S_ISLNK(status.st_mode)  ? "a symbolic link"
                     : S_ISFIFO(status.st_mode) ? "a pipe"
                     : S_ISSOCK(status.st_mode) ? "a socket"
                                                : "a device";
  return failure("{0}: expected a regular file, but it is {1}", quoted(name), kind);
}

// O_NONBLOCK so that a pipe without a writer cannot hold us up before fstat tells what it is.
constexpr int readFlags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

/// The components of a relative name; refuses whatever could leave the directory.
llvm::Error splitName(StringRef name, llvm::SmallVectorImpl<StringRef> &components) {
  if (name.empty())
    return failure("expected a file name, but it is empty");
  if (name.contains('\0'))
    return failure("{0}: a file name may not contain a zero byte", quoted(name));
  if (name.starts_with("/"))
    return failure("{0}: expected a name relative to the model's directory, but it is absolute", quoted(name));
  for (StringRef component : llvm::split(name, '/')) {
    if (component == "..")
      return failure("{0}: a file name may not contain '..'", quoted(name));
    if (!component.empty() && component != ".")
      components.push_back(component);
  }
  if (components.empty())
    return failure("{0}: expected a file name, but it names the directory", quoted(name));
  return llvm::Error::success();
}

/// Opens component by component, following no link. Serves where openat2 is missing.
int openStepwise(int directory, llvm::ArrayRef<StringRef> components) {
  int current = dup(directory);
  for (size_t i = 0; i != components.size() && current >= 0; ++i) {
    bool last = i + 1 == components.size();
    int flags = O_NOFOLLOW | (last ? readFlags : O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int next = openat(current, components[i].str().c_str(), flags);
    int error = errno;
    close(current);
    errno = error;
    current = next;
  }
  return current;
}

int openConfined(int directory, llvm::ArrayRef<StringRef> components) {
#if defined(SYS_openat2) && defined(RESOLVE_BENEATH)
  struct open_how how = {};
  how.flags = readFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  std::string joined = llvm::join(components, "/");
  long fd = syscall(SYS_openat2, directory, joined.c_str(), &how, sizeof(how));
  // Old kernels lack the call, and some sandboxes refuse it.
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EINVAL))
    return static_cast<int>(fd);
#endif
  return openStepwise(directory, components);
}

} // namespace

llvm::Expected<std::shared_ptr<MappedFile>> MappedFile::map(int descriptor, StringRef name) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) {
    int error = errno;
    close(descriptor);
    return failure("{0}: {1}", quoted(name), reason(error));
  }
  if (llvm::Error error = checkRegular(status, name)) {
    close(descriptor);
    return std::move(error);
  }
  const char *data = nullptr;
  size_t size = static_cast<size_t>(status.st_size);
  if (size != 0) {
    void *address = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (address == MAP_FAILED) {
      int error = errno;
      close(descriptor);
      return failure("{0}: cannot map {1} bytes: {2}", quoted(name), size, reason(error));
    }
    data = static_cast<const char *>(address);
    nameMapping(data, size, name);
  }
  return std::shared_ptr<MappedFile>(new MappedFile(descriptor, data, size, name));
}

llvm::Expected<std::shared_ptr<MappedFile>> MappedFile::open(StringRef path) {
  int fd = ::open(path.str().c_str(), readFlags);
  if (fd < 0)
    return failure("{0}: {1}", quoted(path), reason(errno));
  return map(fd, path);
}

MappedFile::~MappedFile() {
  if (data) {
    forgetMapping(data);
    munmap(const_cast<char *>(data), size);
  }
  close(fd);
}

llvm::Expected<llvm::ArrayRef<char>> MappedFile::range(uint64_t offset, uint64_t length) const {
  if (offset > size || length > size - offset)
    return failure("{0}: expected {1} bytes at offset {2}, but the file has {3} bytes", quoted(fileName), length, offset, size);
  return llvm::ArrayRef<char>(data + offset, length);
}

void MappedFile::evict(uint64_t offset, uint64_t length) const {
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  if (offset >= size || length == 0)
    return;
  uint64_t first = offset / page * page;
  madvise(const_cast<char *>(data) + first, std::min<uint64_t>(length, size - offset) + (offset - first), MADV_DONTNEED);
}

struct DataDirectory::Cache {
  llvm::StringMap<std::shared_ptr<MappedFile>> files;
};

DataDirectory::DataDirectory(int fd, StringRef path, Opening opening) : fd(fd), opening(opening), directoryPath(path), cache(std::make_unique<Cache>()) {}

DataDirectory::~DataDirectory() { close(fd); }

llvm::Expected<std::unique_ptr<DataDirectory>> DataDirectory::open(StringRef path, Opening opening) {
  std::string name = path.empty() ? "." : path.str();
  int fd = ::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return failure("{0}: {1}", quoted(name), reason(errno));
  return std::unique_ptr<DataDirectory>(new DataDirectory(fd, name, opening));
}

llvm::Expected<int> DataDirectory::openBeneath(StringRef name) const {
  llvm::SmallVector<StringRef> components;
  if (llvm::Error error = splitName(name, components))
    return std::move(error);
  int opened = opening == Opening::Confined ? openConfined(fd, components) : openStepwise(fd, components);
  if (opened < 0) {
    if (errno == ELOOP || errno == EXDEV)
      return failure("{0}: expected a regular file below the model's directory, but the path has a symbolic link", quoted(name));
    return failure("{0}: {1}", quoted(name), reason(errno));
  }
  struct stat status;
  if (fstat(opened, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink != 1) {
    close(opened);
    return failure("{0}: expected a file with one hard link, but it has {1}", quoted(name), status.st_nlink);
  }
  return opened;
}

llvm::Expected<std::shared_ptr<MappedFile>> DataDirectory::file(StringRef name) {
  std::lock_guard<std::mutex> lock(mutex);
  auto known = cache->files.find(name);
  if (known != cache->files.end())
    return known->second;
  llvm::Expected<int> opened = openBeneath(name);
  if (!opened)
    return opened.takeError();
  llvm::Expected<std::shared_ptr<MappedFile>> mapped = MappedFile::map(*opened, name);
  if (mapped)
    cache->files[name] = *mapped;
  return mapped;
}

void DataDirectory::adopt(StringRef name, std::shared_ptr<MappedFile> file) {
  std::lock_guard<std::mutex> lock(mutex);
  cache->files[name] = std::move(file);
}

bool DataDirectory::isSameAs(StringRef path) const {
  struct stat ours, theirs;
  std::string name = path.empty() ? "." : path.str();
  return fstat(fd, &ours) == 0 && stat(name.c_str(), &theirs) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}
