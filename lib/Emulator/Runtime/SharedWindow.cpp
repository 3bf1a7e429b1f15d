// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Finding room for shared memory below 2 GiB.

#include "SharedWindow.h"

#include <sys/mman.h>

using namespace qllm::emu;

// Asks for one place after the other: no portable flag says "low".
SharedWindow::SharedWindow(unsigned blocks) : span((blocks - 1) * kStride + kBytes) {
  for (uintptr_t address = 16u << 20; address < (uintptr_t(1) << 31) - span; address += 4 << 20) {
    void *wanted = reinterpret_cast<void *>(address);
    void *got = mmap(wanted, span, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == wanted) {
      base = static_cast<uint8_t *>(got);
      break;
    }
    if (got != MAP_FAILED) // a kernel that does not know the flag takes the address as a hint
      munmap(got, span);
  }
  for (unsigned i = 0; base && i < blocks; ++i)
    mprotect(data(i), kBytes, PROT_READ | PROT_WRITE);
}

SharedWindow::~SharedWindow() {
  if (base)
    munmap(base, span);
}
