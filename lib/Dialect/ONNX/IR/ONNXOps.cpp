// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Verifiers, builders and assembly of the structural onnx operations.

#include "qllm/Dialect/ONNX/IR/ONNXOps.h"
#include "qllm/Dialect/ONNX/IR/WeightValueAssembly.h"

using namespace mlir;
using namespace qllm::onnx;

ParseResult qllm::onnx::parseWeightValue(OpAsmParser &parser, TypedAttr &value, Type &type) {
  SMLoc where = parser.getCurrentLocation();
  Attribute attribute;
  if (parser.parseAttribute(attribute))
    return failure();
  value = dyn_cast<TypedAttr>(attribute);
  if (!value)
    return parser.emitError(where, "expected an attribute with a type, but got ") << attribute;
  type = value.getType();
  return success();
}

void qllm::onnx::printWeightValue(OpAsmPrinter &printer, Operation *, TypedAttr value, Type) {
  printer.printAttribute(value);
}

LogicalResult InitializerOp::verify() {
  // initializer_c1
  if (getValue().getType() != getResult().getType())
    return emitOpError("expected the type of the value, ")
           << getValue().getType() << ", as result type, but got " << getResult().getType();
  return success();
}

void ReturnOp::build(OpBuilder &, OperationState &) {}
