// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// safetensors files: the header, and a copy of each tensor.

#include "qllm/Tensor/SafetensorsFile.h"

using namespace qllm;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::ArrayRef<char> bytes(reinterpret_cast<const char *>(data), size);
  llvm::Expected<std::vector<SafetensorsMember>> members = readSafetensors(bytes);
  if (!members) {
    llvm::consumeError(members.takeError());
    return 0;
  }
  for (const SafetensorsMember &member : *members)
    if (llvm::Expected<Tensor> tensor = member.read(); !tensor)
      llvm::consumeError(tensor.takeError());
  return 0;
}
