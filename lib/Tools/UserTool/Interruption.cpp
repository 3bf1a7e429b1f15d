// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A handler may call little: it writes a line that is ready, removes files, and leaves.

#include "Interruption.h"

#include "llvm/Support/Signals.h"
#include <atomic>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace {

std::atomic<bool> resumable = false;

void leave(int signal) {
  const char *line = resumable
                         ? "\nqllm: interrupted; the same command goes on from where it was\n"
                         : "\nqllm: interrupted\n";
  (void)!write(STDERR_FILENO, line, std::strlen(line));
  llvm::sys::CleanupOnSignal(static_cast<uintptr_t>(signal));
  _exit(128 + signal);
}

} // namespace

void qllm::tool::installInterruption() {
  for (int signal : {SIGINT, SIGTERM}) {
    struct sigaction action = {};
    // Whoever started us may have wanted it ignored, as nohup and background jobs do.
    if (sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN)
      continue;
    action = {};
    action.sa_handler = leave;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, nullptr);
  }
}

void qllm::tool::announceResumable(bool isResumable) { resumable = isResumable; }
