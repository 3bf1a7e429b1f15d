// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Safetensors.h"

#include "qllm/Support/OutputFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace qllm;

static std::string headerOf(llvm::ArrayRef<StoredTensor> tensors) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::OStream json(os);
  uint64_t offset = 0;
  json.object([&] {
    json.attributeObject("__metadata__", [&] { json.attribute("format", "pt"); });
    for (const StoredTensor &tensor : tensors)
      json.attributeObject(tensor.name, [&] {
        json.attribute("dtype", tensor.type);
        json.attributeArray("shape", [&] {
          for (int64_t size : tensor.shape)
            json.value(size);
        });
        uint64_t end = offset + tensor.bytes().size();
        json.attributeArray("data_offsets", [&] {
          json.value(offset);
          json.value(end);
        });
        offset = end;
      });
  });
  text.resize((text.size() + 7) / 8 * 8, ' '); // data begins at a multiple of eight
  return text;
}

llvm::Error qllm::writeSafetensors(llvm::StringRef path, std::vector<StoredTensor> tensors) {
  llvm::sort(tensors, [](const StoredTensor &a, const StoredTensor &b) { return a.name < b.name; });
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::string header = headerOf(tensors);
  char length[8];
  llvm::support::endian::write64le(length, header.size());
  if (llvm::Error error = (*file)->write(length))
    return error;
  if (llvm::Error error = (*file)->write(header))
    return error;
  for (const StoredTensor &tensor : tensors)
    if (llvm::Error error = (*file)->write(tensor.bytes()))
      return error;
  return (*file)->commit();
}
