// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// One value at a time; nothing is kept.

#include "ConstantValues.h"

#include "qllm/Analysis/Weights.h"
#include "qllm/Tensor/Convert.h"

using namespace qllm;

std::optional<std::vector<float>> ConstantValues::get(mlir::Value value) {
  if (!isConstantExpression(value))
    return std::nullopt;
  llvm::Expected<Tensor> tensor = evaluateStored(runner, value);
  if (tensor)
    tensor = cast(*tensor, ElementType::F32);
  if (!tensor) {
    llvm::consumeError(tensor.takeError());
    return std::nullopt;
  }
  llvm::ArrayRef<float> values = tensor->values<float>();
  return std::vector<float>(values.begin(), values.end());
}

std::optional<MatrixF> ConstantValues::matrix(mlir::Value value) {
  if (!isConstantExpression(value))
    return std::nullopt;
  llvm::Expected<MatrixF> values = evaluateConstantMatrix(runner, value);
  if (values)
    return std::move(*values);
  llvm::consumeError(values.takeError());
  return std::nullopt;
}
