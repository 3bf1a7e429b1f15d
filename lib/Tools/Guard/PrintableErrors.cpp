// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// stderr through a pipe and a second process.

#include "qllm/Tools/Guard.h"

#include "qllm/Support/PrintableStream.h"
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace qllm;

namespace {

/// Dumps of IR go to stderr as well, and their lines are long.
constexpr size_t longestLine = size_t(1) << 20;

[[noreturn]] void copyPrintable(int from, int to) {
  // What an interrupted tool still says is part of it.
  std::signal(SIGINT, SIG_IGN);
  {
    llvm::raw_fd_ostream terminal(to, /*shouldClose=*/false);
    PrintableStream printable(terminal, longestLine);
    char buffer[4096];
    for (ssize_t count; (count = read(from, buffer, sizeof(buffer))) != 0;) {
      if (count < 0 && errno != EINTR)
        break;
      if (count > 0)
        printable.write(buffer, size_t(count));
      terminal.flush();
    }
    terminal.clear_error();
  }
  _exit(0);
}

} // namespace

PrintableErrors::PrintableErrors() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return;
  writer = fork();
  if (writer == 0) {
    close(ends[1]);
    copyPrintable(ends[0], STDERR_FILENO);
  }
  if (writer > 0)
    dup2(ends[1], STDERR_FILENO);
  close(ends[0]);
  close(ends[1]);
}

PrintableErrors::~PrintableErrors() {
  if (writer <= 0)
    return;
  llvm::errs().flush();
  close(STDERR_FILENO);
  while (waitpid(writer, nullptr, 0) < 0 && errno == EINTR)
    ;
}
