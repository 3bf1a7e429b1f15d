// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Types of the onnx dialect.

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#define GET_TYPEDEF_CLASSES
#include "qllm/Dialect/ONNX/IR/ONNXTypes.cpp.inc"

void qllm::onnx::ONNXDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "qllm/Dialect/ONNX/IR/ONNXTypes.cpp.inc"
      >();
}
