// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// stderr through a pipe and a second process.

#include "qllm/Tools/Guard.h"

#include "qllm/Support/PrintableStream.h"
#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <new>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// Dumps of IR go to stderr as well, and their lines are long.
constexpr size_t longestLine = size_t(1) << 20;

/// `busy` is set before anything is taken out of the pipe, until it is written.
[[noreturn]] void copyPrintable(int from, int to, std::atomic<bool> &busy) {
  // What an interrupted tool still says is part of it.
  std::signal(SIGINT, SIG_IGN);
  {
    llvm::raw_fd_ostream terminal(to, /*shouldClose=*/false);
    PrintableStream printable(terminal, longestLine);
    char buffer[4096];
    while (true) {
      pollfd readable = {from, POLLIN, 0};
      if (poll(&readable, 1, -1) < 0) {
        if (errno == EINTR)
          continue; // not busy: nothing is known to be there
        break;
      }
      busy = true;
      ssize_t count = read(from, buffer, sizeof(buffer));
      if (count == 0 || (count < 0 && errno != EINTR))
        break;
      if (count > 0)
        printable.write(buffer, size_t(count));
      terminal.flush();
      busy = false;
    }
    terminal.clear_error();
  }
  _exit(0);
}

} // namespace

PrintableErrors::PrintableErrors() {
  int ends[2];
  void *shared =
      mmap(nullptr, sizeof(*busy), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || pipe2(ends, O_CLOEXEC) != 0)
    return;
  busy = new (shared) std::atomic<bool>(false);
  writer = fork();
  if (writer == 0) {
    close(ends[1]);
    copyPrintable(ends[0], STDERR_FILENO, *busy);
  }
  if (writer > 0)
    dup2(ends[1], STDERR_FILENO);
  close(ends[0]);
  close(ends[1]);
}

void PrintableErrors::drain() {
  if (writer <= 0)
    return;
  llvm::errs().flush();
  // An empty pipe was emptied while the writer was busy, so that is looked at second. A writer that
  // is gone writes nothing more.
  int left = 0;
  while (waitpid(writer, nullptr, WNOHANG) == 0 && ioctl(STDERR_FILENO, FIONREAD, &left) == 0 &&
         (left != 0 || *busy))
    usleep(20);
}

PrintableErrors::~PrintableErrors() {
  if (writer <= 0)
    return;
  llvm::errs().flush();
  close(STDERR_FILENO);
  while (waitpid(writer, nullptr, 0) < 0 && errno == EINTR)
    ;
  munmap(busy, sizeof(*busy));
}
