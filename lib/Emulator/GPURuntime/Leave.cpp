// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Streams are flushed by hand.

#include "Leave.h"

#include <cstdio>
#include <iostream>
#include <unistd.h>

void qllm::emu::leave(Exit code, const std::string &message) {
  std::cout.flush(); // what host code has printed by the runner's utilities
  std::fflush(stdout);
  std::fprintf(stderr, "qllm-emu-runtime: %s\n", message.c_str());
  std::fflush(nullptr);
  _exit(int(code));
}
