// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// TypeProto to and from MLIR types.

#ifndef QLLM_LIB_TARGET_ONNX_TYPECONVERSION_H
#define QLLM_LIB_TARGET_ONNX_TYPECONVERSION_H

#include "Proto.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace qllm::onnx {

/// The element type of TensorProto::DataType number `dataType`; null for a number that ONNX does not define.
mlir::Type importElementType(int32_t dataType, mlir::MLIRContext *context);
/// The inverse; TensorProto::UNDEFINED for a type that ONNX lacks.
int32_t exportElementType(mlir::Type type);

/// Any TypeProto; what it leaves out is unknown, dynamic or unranked.
mlir::Type importType(const proto::TypeProto &type, mlir::MLIRContext *context);
/// False when ONNX has no such type. A type that is unknown leaves `out` unset.
bool exportType(mlir::Type type, proto::TypeProto &out);

/// Whether `declared` says nothing that contradicts `actual`.
bool isGeneralizationOf(mlir::Type declared, mlir::Type actual);

/// What a ValueInfoProto says besides name and MLIR type: `dims` (names of symbolic dimensions), `doc_string`, `metadata`,
/// and `type_proto`, the serialized type, where the MLIR type `actual` of the value says less or other than it.
mlir::DictionaryAttr importValueDetails(const proto::ValueInfoProto &info, mlir::Type actual, mlir::MLIRContext *context);
/// Fills type, doc string and metadata of `out` for a value of type `actual`. False when ONNX has no such type.
bool exportValueDetails(mlir::DictionaryAttr details, mlir::Type actual, proto::ValueInfoProto &out);

using Entries = google::protobuf::RepeatedPtrField<proto::StringStringEntryProto>;
/// A dictionary, or pairs where keys are empty or repeat; null for no entries.
mlir::Attribute importEntries(const Entries &entries, mlir::MLIRContext *context);
void exportEntries(mlir::Attribute attribute, Entries *entries);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_TYPECONVERSION_H
