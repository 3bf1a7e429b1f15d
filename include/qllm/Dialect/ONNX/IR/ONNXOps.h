// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The operations of the onnx dialect.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXOPS_H
#define QLLM_DIALECT_ONNX_IR_ONNXOPS_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

#define GET_OP_CLASSES
#include "qllm/Dialect/ONNX/IR/ONNXOps.h.inc"

#endif // QLLM_DIALECT_ONNX_IR_ONNXOPS_H
