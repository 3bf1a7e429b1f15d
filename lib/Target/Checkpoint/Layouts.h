// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The layouts of checkpoints; docs/formats/checkpoints.md draws them.

#ifndef QLLM_LIB_TARGET_CHECKPOINT_LAYOUTS_H
#define QLLM_LIB_TARGET_CHECKPOINT_LAYOUTS_H

#include "Layers.h"
#include "llvm/Support/JSON.h"

namespace qllm {

/// The tensors of all quantized layers are appended; returns `quantization_config`.
llvm::Expected<llvm::json::Object> storeCompressedTensors(const CheckpointModel &model,
                                                          std::vector<StoredTensor> &tensors);
llvm::Expected<llvm::json::Object> storeGPTQ(const CheckpointModel &model,
                                             std::vector<StoredTensor> &tensors);

/// Words that a line of so many codes takes.
inline int64_t wordsFor(int64_t codes, unsigned bits) { return (codes * bits + 31) / 32; }

/// Unsigned codes of `bits`, one behind the other from the lowest bit of the first word on, across
/// the borders of words; each of `rows` lines of `columns` begins a word.
std::vector<int32_t> packWords(llvm::ArrayRef<uint8_t> codes, int64_t rows, int64_t columns,
                               unsigned bits);

/// [rows, columns] as [columns, rows].
template <typename T>
std::vector<T> transposed(const std::vector<T> &values, int64_t rows, int64_t columns) {
  std::vector<T> result(values.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column)
      result[column * rows + row] = values[row * columns + column];
  return result;
}

/// Codes counted from zero: those of symmetric weights are moved up by half their number.
std::vector<uint8_t> unsignedCodes(const PackedWeight &weight);

/// Fails unless the elements are integers and the zero points lie in [low, high].
llvm::Error checkIntegers(const CheckpointLayer &layer, int32_t low, int32_t high);

} // namespace qllm

#endif // QLLM_LIB_TARGET_CHECKPOINT_LAYOUTS_H
