// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors in NumPy's files: .npy (one array) and .npz (a zip archive of arrays, not compressed).

#ifndef QLLM_TENSOR_NUMPYFILE_H
#define QLLM_TENSOR_NUMPYFILE_H

#include "qllm/Tensor/Tensor.h"
#include <string>
#include <utility>

namespace qllm {

/// The array in the bytes of a .npy file, copied. NumPy has no name for bf16 and narrower floats
/// and stores them as void of their width, and 4-bit integers as bytes; `wanted` tells which type
/// is meant (Undefined for what the file says).
llvm::Expected<Tensor> parseNumpyArray(llvm::ArrayRef<char> bytes,
                                       ElementType wanted = ElementType::Undefined);

/// The bytes of a .npy file.
std::vector<char> formatNumpyArray(const Tensor &tensor);

struct ArchiveMember {
  std::string name;
  llvm::ArrayRef<char> bytes;
};

/// The members of a zip archive whose members are stored, not compressed; names lose a final
/// ".npy". Views of `bytes`.
llvm::Expected<std::vector<ArchiveMember>> readArchive(llvm::ArrayRef<char> bytes);

/// Writes arrays as a .npz file, names without ".npy".
llvm::Error writeArchive(llvm::StringRef path,
                         llvm::ArrayRef<std::pair<std::string, Tensor>> arrays);

} // namespace qllm

#endif // QLLM_TENSOR_NUMPYFILE_H
