// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// .npz archives and the arrays in them, or a lone .npy.

#include "qllm/Tensor/NumpyFile.h"

using namespace qllm;

static void readArray(llvm::ArrayRef<char> bytes) {
  llvm::Expected<Tensor> array = parseNumpyArray(bytes);
  if (!array)
    return llvm::consumeError(array.takeError());
  (void)formatNumpyArray(*array);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  llvm::ArrayRef<char> bytes(reinterpret_cast<const char *>(data), size);
  llvm::Expected<std::vector<ArchiveMember>> members = readArchive(bytes);
  if (!members) {
    llvm::consumeError(members.takeError());
    readArray(bytes);
    return 0;
  }
  for (const ArchiveMember &member : *members)
    readArray(member.bytes);
  return 0;
}
