// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Results of a lane in a row of memory.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_MATRIXROW_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_MATRIXROW_H

#include "LinearPlace.h"

namespace qllm {

/// A row of a row-major matrix of floats that has the columns of the product.
class MatrixRow {
public:
  /// `row` is an i64.
  MatrixRow(CodeBuilder &code, LinearPlace &place, Buffer matrix, mlir::Value row);
  MatrixRow(CodeBuilder &code, LinearPlace &place, Buffer matrix, int64_t row);

  /// Two neighbouring columns from `column` on, as `LinearPlace::column` gives them. Stores round
  /// f32 to the elements of the matrix and leave out what is beyond the last column; loads give
  /// anything there.
  void storePair(mlir::Value column, std::array<mlir::Value, 2> values);
  std::array<mlir::Value, 2> loadPair(mlir::Value column);
  /// A single column that is there.
  void store(mlir::Value column, mlir::Value value);
  mlir::Value load(mlir::Value column);

private:
  mlir::Value round(mlir::Value value);
  mlir::Value at(mlir::Value column);

  CodeBuilder &code;
  LinearPlace &place;
  mlir::Type elementType;
  unsigned bytes;
  mlir::Value start;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_MATRIXROW_H
