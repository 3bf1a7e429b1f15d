// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Support/LargeStack.h"

#include <pthread.h>

namespace {

constexpr size_t stackBytes = size_t(1) << 30;

struct Work {
  llvm::function_ref<int()> function;
  int result;
};

void *runWork(void *argument) {
  auto *work = static_cast<Work *>(argument);
  work->result = work->function();
  return nullptr;
}

} // namespace

int qllm::runOnLargeStack(llvm::function_ref<int()> function) {
  Work work{function, 0};
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_t thread;
  // Fails where the address space is limited.
  bool started = pthread_attr_setstacksize(&attributes, stackBytes) == 0 &&
                 pthread_create(&thread, &attributes, runWork, &work) == 0;
  pthread_attr_destroy(&attributes);
  if (!started)
    return function();
  pthread_join(thread, nullptr);
  return work.result;
}
