// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Registration of the dialect, and the definitions that belong to no single file.

#include "qllm/Dialect/QLLM/IR/QLLMDialect.h"
#include "mlir/IR/Builders.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

using namespace mlir;
using namespace qllm;

#include "qllm/Dialect/QLLM/IR/QLLMAttrInterfaces.cpp.inc"
#include "qllm/Dialect/QLLM/IR/QLLMDialect.cpp.inc"
#include "qllm/Dialect/QLLM/IR/QLLMEnums.cpp.inc"
#include "qllm/Dialect/QLLM/IR/QLLMOpInterfaces.cpp.inc"

#define GET_OP_CLASSES
#include "qllm/Dialect/QLLM/IR/QLLMOps.cpp.inc"

void QLLMDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "qllm/Dialect/QLLM/IR/QLLMOps.cpp.inc"
      >();
}

std::optional<ArrayRef<int64_t>> qllm::getTensorShape(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return tensor.getShape();
  if (auto quantized = dyn_cast<QuantizedType>(type))
    return quantized.getShape();
  return std::nullopt;
}
