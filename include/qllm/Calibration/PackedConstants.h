// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that recipes make: float ones, and quantized ones out of codes.

#ifndef QLLM_CALIBRATION_PACKEDCONSTANTS_H
#define QLLM_CALIBRATION_PACKEDCONSTANTS_H

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "qllm/Support/Matrix.h"
#include "llvm/Support/Error.h"

namespace qllm {

/// A float constant; `name` is that of its initializer. Matrices are kept as resources.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc, const MatrixF &values,
                           const llvm::Twine &name);
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::ArrayRef<float> values, const llvm::Twine &name);
/// The same values in another shape.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::ArrayRef<float> values, llvm::ArrayRef<int64_t> shape,
                           const llvm::Twine &name);
/// An integer constant.
mlir::Value createConstant(mlir::OpBuilder &builder, mlir::Location loc,
                           llvm::ArrayRef<int32_t> values, const llvm::Twine &name);

/// Parts of a quantized matrix: a byte a code, in the order of the elements; scales and zero points
/// in the order of the type's scales. `zeroPoints` is empty where the type has none.
struct QuantizedParts {
  std::vector<uint8_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> zeroPoints;
  float tensorScale = 1;
};

/// `qllm.pack` of constants named `NAME_codes`, `NAME_scales` and so on. Sizes must be those of
/// `type`.
mlir::Value createPacked(mlir::OpBuilder &builder, mlir::Location loc, QuantizedType type,
                         const QuantizedParts &parts, const llvm::Twine &name);

/// The matrix with symmetric integer rows of `bits` bits (2 to 8), a scale a row. Rows that hold
/// values of such a grid keep them.
llvm::Expected<mlir::Value> createIntegerRows(mlir::OpBuilder &builder, mlir::Location loc,
                                              const MatrixF &values, unsigned bits,
                                              const llvm::Twine &name);

/// Takes constant expressions away that nothing reads any more, from their ends to the constants.
void eraseDeadConstants(llvm::ArrayRef<mlir::Value> values);

} // namespace qllm

#endif // QLLM_CALIBRATION_PACKEDCONSTANTS_H
