// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Descriptions of launches for the emulator.

#include "LaunchFile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::StringRef text(reinterpret_cast<const char *>(data), size);
  llvm::Expected<qllm::tool::LaunchFile> launch = qllm::tool::parseLaunchFile(text);
  if (!launch)
    llvm::consumeError(launch.takeError());
  return 0;
}
