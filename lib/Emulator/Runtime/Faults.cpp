// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A handler may not allocate, and has a stack of its own: that of a fibre may be what is full.

#include "qllm/Emulator/Runtime/Faults.h"

#include <csignal>
#include <cstdio>
#include <cstring>
#include <sys/time.h>
#include <unistd.h>

using namespace qllm::emu;

std::atomic<const ThreadContext *> qllm::emu::runningThread{nullptr};

namespace {

constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
double limit;
alignas(16) char handlerStack[64 << 10];
struct sigaction before[NSIG];

void leave(int signal, siginfo_t *information, void *) {
  const ThreadContext *thread = runningThread.load(std::memory_order_relaxed);
  if (!thread) {
    if (signal == SIGVTALRM)
      return; // the kernel has just ended
    sigaction(signal, &before[signal], nullptr);
    raise(signal);
    return;
  }
  char reason[96], text[384];
  if (signal == SIGVTALRM)
    snprintf(reason, sizeof reason, "it has run for %g s of CPU time, the limit", limit);
  else if (signal == SIGSEGV || signal == SIGBUS)
    snprintf(reason, sizeof reason, "it touched memory that is not there, at %p",
             information->si_addr);
  else
    snprintf(reason, sizeof reason, "it raised signal %d", signal);
  const uint32_t *block = thread->blockId, *id = thread->threadId;
  int length =
      snprintf(text, sizeof text,
               "error: the kernel was stopped in block (%u,%u,%u) thread (%u,%u,%u): %s%s\n",
               block[0], block[1], block[2], id[0], id[1], id[2], reason,
               signal == SIGVTALRM ? "" : "; --check=bounds says where an address is wrong");
  (void)!write(STDERR_FILENO, text, size_t(length));
  _exit(1);
}

} // namespace

void qllm::emu::installKernelFaults(double limitSeconds) {
  limit = limitSeconds;
  stack_t stack = {};
  stack.ss_sp = handlerStack;
  stack.ss_size = sizeof handlerStack;
  sigaltstack(&stack, nullptr);
  struct sigaction action = {};
  action.sa_sigaction = leave;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : kFaults)
    sigaction(signal, &action, &before[signal]);
  if (limit > 0)
    sigaction(SIGVTALRM, &action, &before[SIGVTALRM]);
  restartKernelLimit();
}

void qllm::emu::restartKernelLimit() {
  if (limit <= 0)
    return;
  itimerval timer = {};
  timer.it_value.tv_sec = time_t(limit);
  timer.it_value.tv_usec = suseconds_t((limit - double(timer.it_value.tv_sec)) * 1e6);
  setitimer(ITIMER_VIRTUAL, &timer, nullptr);
}
