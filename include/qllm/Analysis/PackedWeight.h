// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The parts of a packed weight as plain arrays, for the layouts of other formats.

#ifndef QLLM_ANALYSIS_PACKEDWEIGHT_H
#define QLLM_ANALYSIS_PACKEDWEIGHT_H

#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include <string>
#include <vector>

namespace qllm {

/// A weight [rows, columns] whose codes, scales and zero points are constants.
struct PackedWeight {
  QuantizedType type;
  std::string name;
  int64_t rows = 0, columns = 0;
  /// Elements of a row that share a scale; scales lie [rows, columns / groupSize].
  int64_t groupSize = 0;
  /// In f32, with the tensor scale multiplied in, one for each row even where the whole tensor has
  /// one.
  std::vector<float> scales;
  /// Empty where the format has none.
  std::vector<int32_t> zeroPoints;
  /// As they lie in memory (docs/formats/packing.md).
  llvm::ArrayRef<char> codeBytes;

  int64_t groups() const { return columns / groupSize; }
  bool isInteger() const { return mlir::isa<IntFormatAttr>(type.getFormat()); }
  unsigned bits() const { return type.getFormat().getBitWidth(); }
  /// Whether every zero point is a code, as integer zero points of ONNX must be.
  bool zeroPointsAreCodes() const;
  /// One code a byte, sign-extended where the format is signed.
  std::vector<uint8_t> codes() const;
  /// The same as [columns, rows].
  std::vector<uint8_t> transposedCodes() const;

  /// Reads the constants behind `value`. Fails with a diagnostic at `user`.
  static mlir::FailureOr<PackedWeight> read(mlir::Value value, mlir::Operation *user);

private:
  std::shared_ptr<llvm::SmallVector<char>> owned;
};

/// A constant of the given bytes.
mlir::TypedAttr makeBlob(mlir::RankedTensorType type, llvm::ArrayRef<char> bytes,
                         llvm::StringRef name);
template <typename T>
mlir::TypedAttr makeBlob(mlir::RankedTensorType type, const std::vector<T> &values,
                         llvm::StringRef name) {
  return makeBlob(type,
                  llvm::ArrayRef<char>(reinterpret_cast<const char *>(values.data()),
                                       values.size() * sizeof(T)),
                  name);
}

/// Values of 4 bits, one a byte in their low bits, two to a byte; an odd last one is padded with
/// zero.
std::vector<uint8_t> packNibbles(llvm::ArrayRef<uint8_t> values);

} // namespace qllm

#endif // QLLM_ANALYSIS_PACKEDWEIGHT_H
