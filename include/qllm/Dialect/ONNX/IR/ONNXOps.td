// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Everything in the onnx dialect. The families keep their own files.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXOPS_TD
#define QLLM_DIALECT_ONNX_IR_ONNXOPS_TD

include "qllm/Dialect/ONNX/IR/ONNXAttrs.td"
include "qllm/Dialect/ONNX/IR/ONNXMathOps.td"
include "qllm/Dialect/ONNX/IR/ONNXMicrosoftOps.td"
include "qllm/Dialect/ONNX/IR/ONNXNNOps.td"
include "qllm/Dialect/ONNX/IR/ONNXQuantOps.td"
include "qllm/Dialect/ONNX/IR/ONNXStructureOps.td"
include "qllm/Dialect/ONNX/IR/ONNXTensorOps.td"
include "qllm/Dialect/ONNX/IR/ONNXTypes.td"

#endif // QLLM_DIALECT_ONNX_IR_ONNXOPS_TD
