// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reading the safetensors format: eight bytes with the length of a JSON header, the header, data.

#ifndef QLLM_TENSOR_SAFETENSORSFILE_H
#define QLLM_TENSOR_SAFETENSORSFILE_H

#include "qllm/Tensor/Tensor.h"
#include <string>

namespace qllm {

/// A tensor of a file: a view of its bytes, which are as many as type and shape need.
struct SafetensorsMember {
  std::string name;
  ElementType type;
  Shape shape;
  llvm::ArrayRef<char> bytes;

  /// A copy.
  llvm::Expected<Tensor> read() const;
};

/// Whether the bytes begin as a safetensors file does.
bool isSafetensors(llvm::ArrayRef<char> bytes);

/// The tensors of a file, in the order of their names. Fails with the place and the name unless the
/// header is JSON of at most 16 MiB and four levels of nesting, and each tensor has a type that is
/// known and lies within the data.
llvm::Expected<std::vector<SafetensorsMember>> readSafetensors(llvm::ArrayRef<char> bytes);

} // namespace qllm

#endif // QLLM_TENSOR_SAFETENSORSFILE_H
