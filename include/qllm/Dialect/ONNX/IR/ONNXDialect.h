// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The onnx dialect, its types and its attributes; operations are in ONNXOps.h, which is costly to include.

#ifndef QLLM_DIALECT_ONNX_IR_ONNXDIALECT_H
#define QLLM_DIALECT_ONNX_IR_ONNXDIALECT_H

#include "mlir/IR/BuiltinAttributeInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include <memory>

namespace qllm::onnx {
class DataFiles;
} // namespace qllm::onnx

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h.inc"
#define GET_TYPEDEF_CLASSES
#include "qllm/Dialect/ONNX/IR/ONNXTypes.h.inc"
#define GET_ATTRDEF_CLASSES
#include "qllm/Dialect/ONNX/IR/ONNXAttrs.h.inc"

namespace qllm::onnx {

/// Bits that one element of `type` takes in ONNX's raw layout: 1-byte bools, packed 2- and 4-bit elements and 6-bit floats. Integers
/// of 3 bits take 4, those of 5 to 7 take 8. None for types without a raw layout (strings, unknown).
std::optional<unsigned> storageBits(mlir::Type elementType);

/// Bytes that the elements of `type` take in ONNX's raw layout. None when the shape is dynamic, the element type has no
/// raw layout, or the count does not fit 64 bits.
std::optional<uint64_t> storageBytes(mlir::ShapedType type);

} // namespace qllm::onnx

#endif // QLLM_DIALECT_ONNX_IR_ONNXDIALECT_H
