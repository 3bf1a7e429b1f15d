// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What qk.block_scaled_linear makes of a sum, wherever it comes from.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDRESULT_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDRESULT_H

#include "CodeBuilder.h"
#include "KernelFunction.h"

namespace qllm {

class ScaledResult {
public:
  /// Loads the scales of the tensors, if there are any.
  ScaledResult(CodeBuilder &code, const KernelFunction &function, qk::BlockScaledLinearOp op);

  /// The sum times their product plus an element of the bias (null for none), rounded once to f32 and
  /// then to the element type of results.
  mlir::Value finish(mlir::Value sum, mlir::Value biasElement);

  /// Where row `row`, an i32, begins.
  mlir::Value rowPointer(mlir::Value row);
  int64_t elementBytes() const { return result.elementType.getIntOrFloatBitWidth() / 8; }

  Buffer bias, result;
  int64_t columns; ///< of the result
  mlir::Value rows;

private:
  CodeBuilder &code;
  mlir::Value tensorScale;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDRESULT_H
