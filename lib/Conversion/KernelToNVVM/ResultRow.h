// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A row of a product's result, with what is done to it before it is stored.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_RESULTROW_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_RESULTROW_H

#include "MatrixRow.h"
#include <optional>

namespace qllm {

/// Links of the chain: a gate, then a residual. Values are f32, and columns those of MatrixRow.
class ResultRow {
public:
  ResultRow(CodeBuilder &code, LinearPlace &place, const LinearArguments &arguments, int64_t row);

  void storePair(mlir::Value column, std::array<mlir::Value, 2> values);
  /// A single column that is there.
  void store(mlir::Value column, mlir::Value value);

private:
  mlir::Value finish(mlir::Value value, mlir::Value gate, mlir::Value residual);

  CodeBuilder &code;
  MatrixRow result;
  std::optional<MatrixRow> gate, residual;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_RESULTROW_H
