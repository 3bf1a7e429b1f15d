// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the onnx dialect.

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

#include "qllm/Dialect/ONNX/IR/DataFiles.h"

namespace qllm::onnx {
// Defined in the generated shards; declared here so that this file need not include all operations.
void registerONNXDialectOperations(ONNXDialect *dialect);
} // namespace qllm::onnx

#include "qllm/Dialect/ONNX/IR/ONNXDialect.cpp.inc"

void qllm::onnx::ONNXDialect::initialize() {
  dataFiles = std::make_shared<DataFiles>();
  registerTypes();
  registerAttributes();
  registerONNXDialectOperations(this);
}
