// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Fibres on Boost.Context, whose switch makes no system call.

#include "qllm/Emulator/Runtime/Fiber.h"

#include <boost/context/detail/fcontext.hpp>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define QLLM_FIBER_SANITIZER 1
#include <sanitizer/common_interface_defs.h>
#endif
#endif

using namespace qllm::emu;
namespace context = boost::context::detail;

namespace {
/// What the fibre that stops tells the one that goes on. It lies on the stack of the former, which
/// stays.
struct Handover {
  Fiber *from;
  Fiber *to;
};
} // namespace

struct qllm::emu::FiberEntry {
  /// Keeps where the fibre that switched here is to go on.
  static Handover &arrive(context::transfer_t transfer) {
    auto &handover = *static_cast<Handover *>(transfer.data);
    handover.from->context = transfer.fctx;
    return handover;
  }
  static void run(context::transfer_t transfer) {
    Handover &handover = arrive(transfer);
#ifdef QLLM_FIBER_SANITIZER
    const void *base;
    size_t size;
    __sanitizer_finish_switch_fiber(nullptr, &base, &size);
    if (!handover.from->ownStack.base) { // the thread's own stack
      auto *bottom = static_cast<uint8_t *>(const_cast<void *>(base));
      handover.from->ownStack = {bottom, bottom + size};
    }
#endif
    handover.to->body(handover.to->argument);
  }
};

StackPool::StackPool(size_t count, size_t bytes) : count(count) {
  size_t page = size_t(sysconf(_SC_PAGESIZE));
  stride = (bytes + page - 1) / page * page + page;
  void *all = mmap(nullptr, count * stride, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED)
    return;
  memory = static_cast<uint8_t *>(all);
  for (size_t i = 0; i < count; ++i)
    mprotect(memory + i * stride, page, PROT_NONE);
}

StackPool::~StackPool() {
  if (memory)
    munmap(memory, count * stride);
}

Stack StackPool::operator[](size_t index) const {
  size_t page = size_t(sysconf(_SC_PAGESIZE));
  uint8_t *end = memory + (index + 1) * stride;
  // The same frame on all stacks would fall into the same few cache sets; tops a little apart
  // spread them.
  return {memory + index * stride + page, end - index % 56 * 192};
}

void Fiber::start(Stack stack, Body entry, void *value) {
  ownStack = stack;
  body = entry;
  argument = value;
  context = context::make_fcontext(stack.top, size_t(stack.top - stack.base), FiberEntry::run);
}

void Fiber::switchTo(Fiber &other) {
  Handover handover{this, &other};
#ifdef QLLM_FIBER_SANITIZER
  void *fake = nullptr;
  __sanitizer_start_switch_fiber(&fake, other.ownStack.base,
                                 size_t(other.ownStack.top - other.ownStack.base));
#endif
  context::transfer_t transfer = context::jump_fcontext(other.context, &handover);
#ifdef QLLM_FIBER_SANITIZER
  __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  FiberEntry::arrive(transfer);
}
