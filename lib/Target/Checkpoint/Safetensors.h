// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Writing the safetensors format: eight bytes with the length of a JSON header, the header, data.

#ifndef QLLM_LIB_TARGET_CHECKPOINT_SAFETENSORS_H
#define QLLM_LIB_TARGET_CHECKPOINT_SAFETENSORS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace qllm {

/// A tensor of a file; owns its bytes, or borrows those of a mapped weight.
struct StoredTensor {
  std::string name;
  llvm::StringLiteral type; ///< "F32", "I32", ...
  llvm::SmallVector<int64_t> shape;
  std::vector<char> owned;
  llvm::ArrayRef<char> borrowed;

  llvm::ArrayRef<char> bytes() const {
    return owned.empty() ? borrowed : llvm::ArrayRef<char>(owned);
  }
};

/// A tensor of values that are copied.
template <typename T>
StoredTensor storedTensor(std::string name, llvm::StringLiteral type, llvm::ArrayRef<int64_t> shape,
                          llvm::ArrayRef<T> values) {
  auto *first = reinterpret_cast<const char *>(values.data());
  return {std::move(name),
          type,
          llvm::SmallVector<int64_t>(shape),
          std::vector<char>(first, first + values.size() * sizeof(T)),
          {}};
}

/// Writes them in the order of their names; the file appears whole or not at all.
llvm::Error writeSafetensors(llvm::StringRef path, std::vector<StoredTensor> tensors);

} // namespace qllm

#endif // QLLM_LIB_TARGET_CHECKPOINT_SAFETENSORS_H
