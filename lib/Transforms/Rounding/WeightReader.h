// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a weight as f32, read where they lie.

#ifndef QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H
#define QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace qllm {

/// A weight [out, in] as its readers see it. The data may lie transposed, in f16 or bf16, and
/// unaligned, in a mapped file; only the rows asked for are converted.
class WeightReader {
public:
  /// `weight` must be a constant of rank 2 and static shape.
  static llvm::Expected<WeightReader> create(mlir::Value weight);

  int64_t rows() const { return numRows; }
  int64_t columns() const { return numColumns; }

  /// Rows [first, first + count). Points into the file where it can, else into `scratch`. Safe to
  /// call from several threads with a scratch each.
  llvm::ArrayRef<float> read(int64_t first, int64_t count, std::vector<float> &scratch) const;

private:
  enum class Storage { F32, F16, BF16 };

  void convert(int64_t offset, int64_t count, float *out) const;

  int64_t numRows = 0, numColumns = 0;
  bool transposed = false;
  Storage storage = Storage::F32;
  llvm::ArrayRef<char> bytes;
  /// Holds the data of small constants, which attributes keep in another layout.
  std::shared_ptr<llvm::SmallVector<char>> owned;
};

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H
