// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// AttributeProto to and from attributes. Graphs are regions and not handled here.

#ifndef QLLM_LIB_TARGET_ONNX_ATTRIBUTECONVERSION_H
#define QLLM_LIB_TARGET_ONNX_ATTRIBUTECONVERSION_H

#include "Proto.h"
#include "Tensors.h"

namespace qllm::onnx {

/// INT is i64, FLOAT f32, STRING a string, INTS and FLOATS dense arrays, STRINGS an array of strings, TENSOR an elements
/// attribute, TENSORS an array of those, TYPE_PROTO a type. What has no such form is a dictionary whose one key says what it
/// is: `sparse_tensor`, `type_proto` (serialized), or `empty` (an empty list, with the number of its kind).
llvm::Expected<mlir::Attribute> importAttribute(const proto::AttributeProto &attribute, TensorImporter &tensors,
                                                mlir::MLIRContext *context);

/// The kind of `attribute`; told by which field is set in models older than IR version 2, which do not say.
int attributeKind(const proto::AttributeProto &attribute);

llvm::Expected<mlir::DictionaryAttr> importSparseTensor(const proto::SparseTensorProto &tensor, TensorImporter &tensors,
                                                        mlir::MLIRContext *context);

/// Writes the elements of an attribute into a TensorProto; small bytes inline, others wherever the exporter puts them.
using TensorWriter = llvm::function_ref<llvm::Error(mlir::TypedAttr value, proto::TensorProto &out)>;

llvm::Error exportAttribute(mlir::Attribute value, TensorWriter write, proto::AttributeProto &out);
llvm::Error exportSparseTensor(mlir::DictionaryAttr value, TensorWriter write, proto::SparseTensorProto &out);

} // namespace qllm::onnx

#endif // QLLM_LIB_TARGET_ONNX_ATTRIBUTECONVERSION_H
