// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a weight as f32, read where they lie.

#ifndef QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H
#define QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"
#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"
#include <vector>

namespace qllm {

namespace interp {
class OperationRunner;
} // namespace interp

/// A weight [out, in] as its readers see it. The data may lie transposed, in f16 or bf16, and
/// unaligned, in a mapped file; only the rows asked for are converted. A constant expression, as
/// channel transforms leave it, is computed once and held as f32.
class WeightReader {
public:
  /// `weight` must be a constant, or computed from constants, of rank 2 and static shape.
  static llvm::Expected<WeightReader> create(interp::OperationRunner &runner, mlir::Value weight);

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
  /// The value of an expression.
  std::shared_ptr<MatrixF> computed;
};

} // namespace qllm

#endif // QLLM_LIB_TRANSFORMS_ROUNDING_WEIGHTREADER_H
