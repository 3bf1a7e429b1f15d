// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A handler may not lock: mappings stand in slots of which each is written before it is published.

#include "qllm/Support/MappingFaults.h"

#include "qllm/Support/PrintableStream.h"
#include "llvm/Support/Signals.h"
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <unistd.h>

namespace {

struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<const char *> begin{nullptr}; ///< Null until the rest is written.
  const char *end;
  char name[240]; ///< Printable, ended by a zero byte.
};

Slot slots[256];

const char *nameOf(const char *address) {
  for (const Slot &slot : slots)
    if (const char *begin = slot.begin.load(std::memory_order_acquire);
        begin && address >= begin && address < slot.end)
      return slot.name;
  return "a mapped file";
}

void say(const char *text) { (void)!write(STDERR_FILENO, text, std::strlen(text)); }

void leave(int signal, siginfo_t *information, void *) {
  // Sent by another process, or a misaligned access: no file of ours.
  if (information->si_code != BUS_ADRERR) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
    return;
  }
  say("\nerror: ");
  say(nameOf(static_cast<const char *>(information->si_addr)));
  say(": it cannot be read any more where it was mapped; it became shorter, or its disk fails\n");
  llvm::sys::CleanupOnSignal(static_cast<uintptr_t>(signal));
  _exit(1);
}

} // namespace

void qllm::installMappingFaults() {
  struct sigaction action = {};
  action.sa_sigaction = leave;
  action.sa_flags = SA_SIGINFO;
  sigfillset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

void qllm::nameMapping(const char *data, size_t size, llvm::StringRef name) {
  for (Slot &slot : slots) {
    if (slot.taken.exchange(true))
      continue;
    slot.end = data + size;
    std::string text = printable(name.take_back(sizeof(slot.name) / 4 - 1));
    std::memcpy(slot.name, text.c_str(), text.size() + 1);
    slot.begin.store(data, std::memory_order_release);
    return;
  }
}

void qllm::forgetMapping(const char *data) {
  for (Slot &slot : slots) {
    if (slot.begin.load(std::memory_order_relaxed) != data)
      continue;
    slot.begin.store(nullptr, std::memory_order_relaxed);
    slot.taken.store(false, std::memory_order_release);
    return;
  }
}
