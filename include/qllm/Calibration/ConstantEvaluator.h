// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Values of constant expressions: a weight behind transpositions and channel operations, as passes
// that absorb transforms leave it.

#ifndef QLLM_CALIBRATION_CONSTANTEVALUATOR_H
#define QLLM_CALIBRATION_CONSTANTEVALUATOR_H

#include "mlir/IR/Value.h"
#include "qllm/Support/Matrix.h"
#include "qllm/Tensor/Tensor.h"
#include "llvm/Support/Error.h"

namespace qllm {

namespace interp {
class OperationRunner;
} // namespace interp

/// Evaluates `value`, for which `isConstantExpression` must hold, as f32. Intermediate values are
/// freed on the way and nothing is kept, so a model can be read weight by weight. A quantized value
/// gives the real numbers that it stands for. Fails where an operation of the expression cannot be
/// computed, with its diagnostic as the message.
llvm::Expected<Tensor> evaluateConstant(interp::OperationRunner &runner, mlir::Value value);

/// The tensor as it is, of whatever type; a quantized value is an error.
llvm::Expected<Tensor> evaluateStored(interp::OperationRunner &runner, mlir::Value value);

/// The same as `evaluateConstant` for a value of two dimensions.
llvm::Expected<MatrixF> evaluateConstantMatrix(interp::OperationRunner &runner, mlir::Value value);

} // namespace qllm

#endif // QLLM_CALIBRATION_CONSTANTEVALUATOR_H
