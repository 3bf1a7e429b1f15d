// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Constants that a conversion has to know: factors of channels, zero points.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_CONSTANTVALUES_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_CONSTANTVALUES_H

#include "qllm/Calibration/ConstantEvaluator.h"
#include "qllm/Interpreter/OperationRunner.h"
#include <optional>

namespace qllm {

/// Evaluates values that are computed from constants.
class ConstantValues {
public:
  explicit ConstantValues(mlir::ModuleOp module) : runner(module, /*threads=*/0) {}

  /// The elements as f32, which holds integers up to 2^24; nothing where the value is no constant.
  std::optional<std::vector<float>> get(mlir::Value value);
  /// The real numbers that a constant of two dimensions stands for, quantized or not.
  std::optional<MatrixF> matrix(mlir::Value value);

private:
  interp::OperationRunner runner;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_CONSTANTVALUES_H
