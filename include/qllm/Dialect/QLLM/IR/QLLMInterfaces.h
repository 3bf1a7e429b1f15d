// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What the attributes, the type and the channel operations of the dialect promise to generic code.

#ifndef QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_H
#define QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/Types.h"
#include "qllm/Dialect/QLLM/IR/QLLMEnums.h.inc"

namespace mlir {
class OpBuilder;
} // namespace mlir

namespace qllm {

/// The weight, outputs by inputs, and the bias of a linear layer. A null bias is zero.
struct LinearParameters {
  mlir::Value weight;
  mlir::Value bias;
};

class ChannelTransform;

} // namespace qllm

#include "qllm/Dialect/QLLM/IR/QLLMAttrInterfaces.h.inc"
#include "qllm/Dialect/QLLM/IR/QLLMOpInterfaces.h.inc"

#endif // QLLM_DIALECT_QLLM_IR_QLLMINTERFACES_H
