// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The `custom<WeightValue>` piece of assembly: an attribute that carries the type of the result. Needed only where the
// generated definitions are compiled.

#ifndef QLLM_DIALECT_ONNX_IR_WEIGHTVALUEASSEMBLY_H
#define QLLM_DIALECT_ONNX_IR_WEIGHTVALUEASSEMBLY_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/OpImplementation.h"

namespace qllm::onnx {

mlir::ParseResult parseWeightValue(mlir::OpAsmParser &parser, mlir::TypedAttr &value, mlir::Type &type);
void printWeightValue(mlir::OpAsmPrinter &printer, mlir::Operation *op, mlir::TypedAttr value, mlir::Type type);

} // namespace qllm::onnx

#endif // QLLM_DIALECT_ONNX_IR_WEIGHTVALUEASSEMBLY_H
