// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Preloaded into a run, makes its n-th system call of one kind fail on files below one directory:
//   QLLM_FAULT=write:3:ENOSPC QLLM_FAULT_DIRECTORY=/tmp/out LD_PRELOAD=Faults.so qllm ...
// Calls are open, write, copy (of a range from file to file), fsync, rename, allocate, truncate, map
// and short; the last one lets every write take only half of its bytes and fails none. QLLM_FAULT_REACHED names a file that is made
// when the fault has happened, and says on what: a script knows then that there was an n-th call.

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

struct Fault {
  std::string call, directory, reached;
  long number = 0;
  int error = ENOSPC;
  std::atomic<long> seen = 0;

  Fault() {
    const char *fault = getenv("QLLM_FAULT"), *below = getenv("QLLM_FAULT_DIRECTORY"),
               *marker = getenv("QLLM_FAULT_REACHED");
    if (!fault || !below)
      return;
    std::string text = fault;
    size_t first = text.find(':'), second = text.find(':', first + 1);
    call = text.substr(0, first);
    if (first != std::string::npos)
      number = atol(text.c_str() + first + 1);
    std::string name = second == std::string::npos ? "" : text.substr(second + 1);
    error = name == "EIO" ? EIO : name == "EACCES" ? EACCES : ENOSPC;
    directory = below;
    reached = marker ? marker : "";
  }

  bool isBelow(const char *path) const {
    return path && !directory.empty() && strncmp(path, directory.c_str(), directory.size()) == 0;
  }
  static std::string nameOf(const char *path) { return path; }
  static std::string nameOf(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof(path));
    return std::string(path, size < 0 ? 0 : size_t(size));
  }
  bool isBelow(int descriptor) const { return isBelow(nameOf(descriptor).c_str()); }
  /// Whether this call is the one; sets errno.
  template <typename Place> bool fails(const char *kind, Place place) {
    if (call != kind || !isBelow(place) || ++seen != number)
      return false;
    if (FILE *marker = reached.empty() ? nullptr : fopen(reached.c_str(), "w")) {
      fprintf(marker, "%s of %s", kind, nameOf(place).c_str());
      fclose(marker);
    }
    errno = error;
    return true;
  }
};

Fault &fault() {
  static Fault instance;
  return instance;
}

template <typename Function> Function next(const char *name, Function) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

size_t shortened(int descriptor, size_t size) {
  return fault().call == "short" && size > 1 && fault().isBelow(descriptor) ? size / 2 : size;
}

} // namespace

extern "C" {

int open(const char *path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;
  va_end(list);
  if (fault().fails("open", path))
    return -1;
  static auto real = next("open", &open);
  return real(path, flags, mode);
}
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int mkostemp(char *pattern, int flags) {
  if (fault().fails("open", const_cast<const char *>(pattern)))
    return -1;
  static auto real = next("mkostemp", &mkostemp);
  return real(pattern, flags);
}
int mkostemp64(char *pattern, int flags) __attribute__((alias("mkostemp")));

int mkdir(const char *path, mode_t mode) noexcept {
  if (fault().fails("open", path))
    return -1;
  static auto real = next("mkdir", &mkdir);
  return real(path, mode);
}

ssize_t write(int descriptor, const void *data, size_t size) {
  if (fault().fails("write", descriptor))
    return -1;
  static auto real = next("write", &write);
  return real(descriptor, data, shortened(descriptor, size));
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
  if (fault().fails("write", descriptor))
    return -1;
  static auto real = next("pwrite", &pwrite);
  return real(descriptor, data, shortened(descriptor, size), offset);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
    __attribute__((alias("pwrite")));

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *offset, size_t size,
                        unsigned flags) {
  if (fault().fails("copy", to))
    return -1;
  static auto real = next("copy_file_range", &copy_file_range);
  return real(from, at, to, offset, shortened(to, size), flags);
}

int fsync(int descriptor) {
  if (fault().fails("fsync", descriptor))
    return -1;
  static auto real = next("fsync", &fsync);
  return real(descriptor);
}

int fdatasync(int descriptor) {
  if (fault().fails("fsync", descriptor))
    return -1;
  static auto real = next("fdatasync", &fdatasync);
  return real(descriptor);
}

int rename(const char *from, const char *to) noexcept {
  if (fault().fails("rename", to))
    return -1;
  static auto real = next("rename", &rename);
  return real(from, to);
}

int renameat2(int fromDirectory, const char *from, int toDirectory, const char *to,
              unsigned flags) noexcept {
  if (fault().fails("rename", to))
    return -1;
  static auto real = next("renameat2", &renameat2);
  return real(fromDirectory, from, toDirectory, to, flags);
}

int ftruncate(int descriptor, off_t size) noexcept {
  if (fault().fails("truncate", descriptor))
    return -1;
  static auto real = next("ftruncate", &ftruncate);
  return real(descriptor, size);
}
int ftruncate64(int descriptor, off64_t size) noexcept __attribute__((alias("ftruncate")));

/// Returns the error instead of setting errno.
int posix_fallocate(int descriptor, off_t offset, off_t size) {
  if (fault().fails("allocate", descriptor))
    return fault().error;
  static auto real = next("posix_fallocate", &posix_fallocate);
  return real(descriptor, offset, size);
}
int posix_fallocate64(int descriptor, off64_t offset, off64_t size)
    __attribute__((alias("posix_fallocate")));

void *mmap(void *address, size_t size, int protection, int flags, int descriptor,
           off_t offset) noexcept {
  if (descriptor >= 0 && fault().fails("map", descriptor))
    return MAP_FAILED;
  static auto real = next("mmap", &mmap);
  return real(address, size, protection, flags, descriptor, offset);
}
void *mmap64(void *address, size_t size, int protection, int flags, int descriptor,
             off64_t offset) noexcept __attribute__((alias("mmap")));
}
