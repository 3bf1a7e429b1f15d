// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Attributes of nodes.

#include "AttributeConversion.h"
#include "TypeConversion.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::AttributeProto;

namespace {

template <typename T> ArrayRef<T> asArray(const google::protobuf::RepeatedField<T> &values) {
  return {values.data(), static_cast<size_t>(values.size())};
}

Attribute importTypeProto(const proto::TypeProto &type, MLIRContext *context) {
  Type imported = importType(type, context);
  proto::TypeProto back;
  exportType(imported, back);
  std::string wanted = type.SerializeAsString();
  if (back.SerializeAsString() == wanted)
    return TypeAttr::get(imported);
  Builder builder(context);
  return builder.getDictionaryAttr(builder.getNamedAttr("type_proto", builder.getStringAttr(wanted)));
}

/// An array of what `convert` makes of each of `values`; an empty one keeps its kind.
template <typename Values, typename Convert>
llvm::Expected<Attribute> importList(const Values &values, int kind, MLIRContext *context, Convert convert) {
  Builder builder(context);
  if (values.empty())
    return builder.getDictionaryAttr(builder.getNamedAttr("empty", builder.getI64IntegerAttr(kind)));
  SmallVector<Attribute> elements;
  for (const auto &value : values) {
    llvm::Expected<Attribute> element = convert(value);
    if (!element)
      return element.takeError();
    elements.push_back(*element);
  }
  return builder.getArrayAttr(elements);
}

llvm::Error exportTypeAttribute(Attribute value, proto::TypeProto &out) {
  if (auto type = dyn_cast<TypeAttr>(value))
    if (exportType(type.getValue(), out))
      return llvm::Error::success();
  if (auto dictionary = dyn_cast<DictionaryAttr>(value))
    if (auto kept = dictionary.getAs<StringAttr>("type_proto"))
      if (out.ParseFromArray(kept.data(), static_cast<int>(kept.size())))
        return llvm::Error::success();
  return llvm::createStringError("expected a type that ONNX has");
}

llvm::Error exportDictionary(DictionaryAttr value, TensorWriter write, AttributeProto &out) {
  if (auto kind = value.getAs<IntegerAttr>("empty")) {
    if (!AttributeProto::AttributeType_IsValid(static_cast<int>(kind.getInt())))
      return llvm::createStringError("expected the number of an attribute kind");
    out.set_type(static_cast<AttributeProto::AttributeType>(kind.getInt()));
    return llvm::Error::success();
  }
  if (value.contains("type_proto")) {
    out.set_type(AttributeProto::TYPE_PROTO);
    return exportTypeAttribute(value, *out.mutable_tp());
  }
  out.set_type(AttributeProto::SPARSE_TENSOR);
  return exportSparseTensor(value, write, *out.mutable_sparse_tensor());
}

llvm::Error exportList(ArrayAttr values, TensorWriter write, AttributeProto &out) {
  if (llvm::all_of(values, llvm::IsaPred<StringAttr>)) {
    out.set_type(AttributeProto::STRINGS);
    for (Attribute value : values)
      out.add_strings(cast<StringAttr>(value).str());
    return llvm::Error::success();
  }
  for (Attribute value : values) {
    auto dictionary = dyn_cast<DictionaryAttr>(value);
    if (auto tensor = dyn_cast<TypedAttr>(value); tensor && isa<TensorType>(tensor.getType())) {
      out.set_type(AttributeProto::TENSORS);
      if (llvm::Error error = write(tensor, *out.add_tensors()))
        return error;
    } else if (isa<TypeAttr>(value) || (dictionary && dictionary.contains("type_proto"))) {
      out.set_type(AttributeProto::TYPE_PROTOS);
      if (llvm::Error error = exportTypeAttribute(value, *out.add_type_protos()))
        return error;
    } else if (dictionary) {
      out.set_type(AttributeProto::SPARSE_TENSORS);
      if (llvm::Error error = exportSparseTensor(dictionary, write, *out.add_sparse_tensors()))
        return error;
    } else {
      return llvm::createStringError("expected strings, tensors or types in a list");
    }
  }
  return llvm::Error::success();
}

} // namespace

int qllm::onnx::attributeKind(const AttributeProto &attribute) {
  if (attribute.has_type() && attribute.type() != AttributeProto::UNDEFINED)
    return attribute.type();
  if (attribute.has_f())
    return AttributeProto::FLOAT;
  if (attribute.has_i())
    return AttributeProto::INT;
  if (attribute.has_s())
    return AttributeProto::STRING;
  if (attribute.has_t())
    return AttributeProto::TENSOR;
  if (attribute.has_g())
    return AttributeProto::GRAPH;
  if (attribute.floats_size())
    return AttributeProto::FLOATS;
  if (attribute.ints_size())
    return AttributeProto::INTS;
  if (attribute.strings_size())
    return AttributeProto::STRINGS;
  if (attribute.tensors_size())
    return AttributeProto::TENSORS;
  return attribute.graphs_size() ? AttributeProto::GRAPHS : AttributeProto::UNDEFINED;
}

llvm::Expected<DictionaryAttr> qllm::onnx::importSparseTensor(const proto::SparseTensorProto &tensor, TensorImporter &tensors,
                                                              MLIRContext *context) {
  Builder builder(context);
  NamedAttrList parts;
  parts.set("sparse_tensor", builder.getDenseI64ArrayAttr(asArray(tensor.dims())));
  llvm::Expected<TypedAttr> values = tensors.import(tensor.values());
  if (!values)
    return values.takeError();
  parts.set("values", *values);
  if (tensor.has_indices()) {
    llvm::Expected<TypedAttr> indices = tensors.import(tensor.indices());
    if (!indices)
      return indices.takeError();
    parts.set("indices", *indices);
  }
  return parts.getDictionary(context);
}

llvm::Expected<Attribute> qllm::onnx::importAttribute(const AttributeProto &attribute, TensorImporter &tensors, MLIRContext *context) {
  Builder builder(context);
  auto importTensor = [&](const proto::TensorProto &tensor) -> llvm::Expected<Attribute> {
    llvm::Expected<TypedAttr> value = tensors.import(tensor);
    if (!value)
      return value.takeError();
    return Attribute(*value);
  };
  auto importSparse = [&](const proto::SparseTensorProto &tensor) -> llvm::Expected<Attribute> {
    llvm::Expected<DictionaryAttr> value = importSparseTensor(tensor, tensors, context);
    if (!value)
      return value.takeError();
    return Attribute(*value);
  };
  int kind = attributeKind(attribute);
  switch (kind) {
  case AttributeProto::FLOAT:
    return builder.getF32FloatAttr(attribute.f());
  case AttributeProto::INT:
    return builder.getI64IntegerAttr(attribute.i());
  case AttributeProto::STRING:
    return builder.getStringAttr(attribute.s());
  case AttributeProto::TENSOR:
    return importTensor(attribute.t());
  case AttributeProto::FLOATS:
    return builder.getDenseF32ArrayAttr(asArray(attribute.floats()));
  case AttributeProto::INTS:
    return builder.getDenseI64ArrayAttr(asArray(attribute.ints()));
  case AttributeProto::STRINGS:
    return builder.getStrArrayAttr(SmallVector<StringRef>(attribute.strings().begin(), attribute.strings().end()));
  case AttributeProto::TENSORS:
    return importList(attribute.tensors(), kind, context, importTensor);
  case AttributeProto::SPARSE_TENSOR:
    return importSparse(attribute.sparse_tensor());
  case AttributeProto::SPARSE_TENSORS:
    return importList(attribute.sparse_tensors(), kind, context, importSparse);
  case AttributeProto::GRAPHS:
    // Graphs are regions; no graphs are not.
    return importList(google::protobuf::RepeatedPtrField<proto::GraphProto>(), kind, context,
                      [](const proto::GraphProto &) -> llvm::Expected<Attribute> { return Attribute(); });
  case AttributeProto::TYPE_PROTO:
    return importTypeProto(attribute.tp(), context);
  case AttributeProto::TYPE_PROTOS:
    return importList(attribute.type_protos(), kind, context,
                      [&](const proto::TypeProto &type) -> llvm::Expected<Attribute> { return importTypeProto(type, context); });
  default:
    return llvm::createStringError(llvm::formatv("unknown attribute kind {0}", kind).str());
  }
}

llvm::Error qllm::onnx::exportSparseTensor(DictionaryAttr value, TensorWriter write, proto::SparseTensorProto &out) {
  auto dims = value.getAs<DenseI64ArrayAttr>("sparse_tensor");
  auto values = dyn_cast_or_null<TypedAttr>(value.get("values"));
  if (!dims || !values)
    return llvm::createStringError("expected a sparse tensor with the keys sparse_tensor and values");
  for (int64_t size : dims.asArrayRef())
    out.add_dims(size);
  if (llvm::Error error = write(values, *out.mutable_values()))
    return error;
  auto indices = dyn_cast_or_null<TypedAttr>(value.get("indices"));
  return indices ? write(indices, *out.mutable_indices()) : llvm::Error::success();
}

llvm::Error qllm::onnx::exportAttribute(Attribute value, TensorWriter write, AttributeProto &out) {
  if (auto integer = dyn_cast<IntegerAttr>(value); integer && integer.getType().isSignlessInteger(64)) {
    out.set_type(AttributeProto::INT);
    out.set_i(integer.getInt());
    return llvm::Error::success();
  }
  if (auto number = dyn_cast<FloatAttr>(value); number && number.getType().isF32()) {
    out.set_type(AttributeProto::FLOAT);
    out.set_f(number.getValue().convertToFloat());
    return llvm::Error::success();
  }
  if (auto text = dyn_cast<StringAttr>(value)) {
    out.set_type(AttributeProto::STRING);
    out.set_s(text.str());
    return llvm::Error::success();
  }
  if (auto integers = dyn_cast<DenseI64ArrayAttr>(value)) {
    out.set_type(AttributeProto::INTS);
    out.mutable_ints()->Add(integers.asArrayRef().begin(), integers.asArrayRef().end());
    return llvm::Error::success();
  }
  if (auto numbers = dyn_cast<DenseF32ArrayAttr>(value)) {
    out.set_type(AttributeProto::FLOATS);
    out.mutable_floats()->Add(numbers.asArrayRef().begin(), numbers.asArrayRef().end());
    return llvm::Error::success();
  }
  if (auto type = dyn_cast<TypeAttr>(value)) {
    out.set_type(AttributeProto::TYPE_PROTO);
    return exportTypeAttribute(type, *out.mutable_tp());
  }
  if (auto list = dyn_cast<ArrayAttr>(value))
    return exportList(list, write, out);
  if (auto dictionary = dyn_cast<DictionaryAttr>(value))
    return exportDictionary(dictionary, write, out);
  if (auto tensor = dyn_cast<TypedAttr>(value); tensor && isa<TensorType>(tensor.getType())) {
    out.set_type(AttributeProto::TENSOR);
    return write(tensor, *out.mutable_t());
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  stream << "expected an attribute that ONNX has, but got " << value;
  return llvm::createStringError(text);
}
