// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Element types, types of values, and what a model says about a value beyond its type.

#include "TypeConversion.h"

#include "mlir/IR/Builders.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace qllm::onnx;
using proto::TensorProto;

namespace {

Type integer(MLIRContext *context, unsigned width, bool isUnsigned = false) {
  return IntegerType::get(context, width, isUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
}

ArrayAttr importDims(const proto::TensorShapeProto &shape, Builder &builder) {
  SmallVector<StringRef> names;
  bool named = false;
  for (const auto &dim : shape.dim()) {
    names.push_back(dim.dim_param());
    named |= !dim.dim_param().empty();
  }
  return named ? builder.getStrArrayAttr(names) : ArrayAttr();
}

template <typename TensorType> Type importTensorType(const TensorType &type, MLIRContext *context) {
  Type element = importElementType(type.elem_type(), context);
  if (!element)
    return UnknownType::get(context);
  if (!type.has_shape())
    return UnrankedTensorType::get(element);
  SmallVector<int64_t> shape;
  for (const auto &dim : type.shape().dim())
    shape.push_back(dim.has_dim_value() && dim.dim_value() >= 0 ? dim.dim_value() : ShapedType::kDynamic);
  return RankedTensorType::get(shape, element);
}

template <typename TensorType> bool exportTensorType(mlir::TensorType type, TensorType &out) {
  int32_t element = exportElementType(type.getElementType());
  if (element == TensorProto::UNDEFINED)
    return false;
  out.set_elem_type(element);
  if (auto ranked = dyn_cast<RankedTensorType>(type)) {
    out.mutable_shape();
    for (int64_t size : ranked.getShape()) {
      auto *dim = out.mutable_shape()->add_dim();
      if (!ShapedType::isDynamic(size))
        dim->set_dim_value(size);
    }
  }
  return true;
}

void exportDims(ArrayAttr dims, proto::TypeProto &type) {
  if (!dims || !type.has_tensor_type())
    return;
  auto *shape = type.mutable_tensor_type()->mutable_shape();
  if (static_cast<size_t>(shape->dim_size()) != dims.size())
    return;
  for (auto [dim, name] : llvm::zip_equal(*shape->mutable_dim(), dims)) {
    auto text = dyn_cast<StringAttr>(name);
    if (text && !text.empty() && !dim.has_dim_value())
      dim.set_dim_param(text.str());
  }
}

} // namespace

Type qllm::onnx::importElementType(int32_t dataType, MLIRContext *context) {
  switch (dataType) {
  case TensorProto::FLOAT: return Float32Type::get(context);
  case TensorProto::UINT8: return integer(context, 8, true);
  case TensorProto::INT8: return integer(context, 8);
  case TensorProto::UINT16: return integer(context, 16, true);
  case TensorProto::INT16: return integer(context, 16);
  case TensorProto::INT32: return integer(context, 32);
  case TensorProto::INT64: return integer(context, 64);
  case TensorProto::STRING: return StringType::get(context);
  case TensorProto::BOOL: return integer(context, 1);
  case TensorProto::FLOAT16: return Float16Type::get(context);
  case TensorProto::DOUBLE: return Float64Type::get(context);
  case TensorProto::UINT32: return integer(context, 32, true);
  case TensorProto::UINT64: return integer(context, 64, true);
  case TensorProto::COMPLEX64: return ComplexType::get(Float32Type::get(context));
  case TensorProto::COMPLEX128: return ComplexType::get(Float64Type::get(context));
  case TensorProto::BFLOAT16: return BFloat16Type::get(context);
  case TensorProto::FLOAT8E4M3FN: return Float8E4M3FNType::get(context);
  case TensorProto::FLOAT8E4M3FNUZ: return Float8E4M3FNUZType::get(context);
  case TensorProto::FLOAT8E5M2: return Float8E5M2Type::get(context);
  case TensorProto::FLOAT8E5M2FNUZ: return Float8E5M2FNUZType::get(context);
  case TensorProto::UINT4: return integer(context, 4, true);
  case TensorProto::INT4: return integer(context, 4);
  case TensorProto::FLOAT4E2M1: return Float4E2M1FNType::get(context);
  case TensorProto::FLOAT8E8M0: return Float8E8M0FNUType::get(context);
  case TensorProto::UINT2: return integer(context, 2, true);
  case TensorProto::INT2: return integer(context, 2);
  case TensorProto::FLOAT6E2M3: return Float6E2M3FNType::get(context);
  case TensorProto::FLOAT6E3M2: return Float6E3M2FNType::get(context);
  default: return {};
  }
}

int32_t qllm::onnx::exportElementType(Type type) {
  // The table above is the only one; types are unique, so looking for equality is the inverse.
  for (int32_t dataType = 1; dataType <= TensorProto::FLOAT6E3M2; ++dataType)
    if (importElementType(dataType, type.getContext()) == type)
      return dataType;
  return TensorProto::UNDEFINED;
}

Type qllm::onnx::importType(const proto::TypeProto &type, MLIRContext *context) {
  switch (type.value_case()) {
  case proto::TypeProto::kTensorType:
    return importTensorType(type.tensor_type(), context);
  case proto::TypeProto::kSparseTensorType: {
    Type dense = importTensorType(type.sparse_tensor_type(), context);
    return isa<UnknownType>(dense) ? dense : SparseType::get(context, dense);
  }
  case proto::TypeProto::kSequenceType:
    return SequenceType::get(context, importType(type.sequence_type().elem_type(), context));
  case proto::TypeProto::kOptionalType:
    return OptionalType::get(context, importType(type.optional_type().elem_type(), context));
  case proto::TypeProto::kMapType: {
    Type key = importElementType(type.map_type().key_type(), context);
    if (!key)
      return UnknownType::get(context);
    return MapType::get(context, key, importType(type.map_type().value_type(), context));
  }
  default:
    return UnknownType::get(context);
  }
}

bool qllm::onnx::exportType(Type type, proto::TypeProto &out) {
  if (isa<UnknownType>(type))
    return true;
  if (auto tensor = dyn_cast<TensorType>(type))
    return exportTensorType(tensor, *out.mutable_tensor_type());
  if (auto sparse = dyn_cast<SparseType>(type)) {
    auto tensor = dyn_cast<TensorType>(sparse.getTensorType());
    return tensor && exportTensorType(tensor, *out.mutable_sparse_tensor_type());
  }
  if (auto sequence = dyn_cast<SequenceType>(type))
    return exportType(sequence.getElementType(), *out.mutable_sequence_type()->mutable_elem_type());
  if (auto optional = dyn_cast<OptionalType>(type))
    return exportType(optional.getElementType(), *out.mutable_optional_type()->mutable_elem_type());
  if (auto map = dyn_cast<MapType>(type)) {
    out.mutable_map_type()->set_key_type(exportElementType(map.getKeyType()));
    return exportType(map.getValueType(), *out.mutable_map_type()->mutable_value_type());
  }
  return false;
}

bool qllm::onnx::isGeneralizationOf(Type declared, Type actual) {
  if (declared == actual || isa<UnknownType>(declared))
    return true;
  if (auto wide = dyn_cast<SequenceType>(declared), narrow = dyn_cast<SequenceType>(actual); wide && narrow)
    return isGeneralizationOf(wide.getElementType(), narrow.getElementType());
  if (auto wide = dyn_cast<OptionalType>(declared), narrow = dyn_cast<OptionalType>(actual); wide && narrow)
    return isGeneralizationOf(wide.getElementType(), narrow.getElementType());
  auto wide = dyn_cast<TensorType>(declared), narrow = dyn_cast<TensorType>(actual);
  if (!wide || !narrow || wide.getElementType() != narrow.getElementType())
    return false;
  if (!wide.hasRank())
    return true;
  return narrow.hasRank() && wide.getRank() == narrow.getRank() &&
         llvm::all_of(llvm::zip_equal(wide.getShape(), narrow.getShape()), [](auto sizes) {
           return ShapedType::isDynamic(std::get<0>(sizes)) || std::get<0>(sizes) == std::get<1>(sizes);
         });
}

DictionaryAttr qllm::onnx::importValueDetails(const proto::ValueInfoProto &info, Type actual, MLIRContext *context) {
  Builder builder(context);
  NamedAttrList details;
  proto::TypeProto reproduced;
  ArrayAttr dims;
  if (info.type().has_tensor_type() && info.type().tensor_type().has_shape())
    dims = importDims(info.type().tensor_type().shape(), builder);
  exportType(actual, reproduced);
  exportDims(dims, reproduced);
  std::string wanted = info.type().SerializeAsString();
  if (reproduced.SerializeAsString() != wanted)
    details.set("type_proto", builder.getStringAttr(wanted));
  else if (dims)
    details.set("dims", dims);
  if (!info.doc_string().empty())
    details.set("doc_string", builder.getStringAttr(info.doc_string()));
  if (Attribute metadata = importEntries(info.metadata_props(), context))
    details.set("metadata", metadata);
  // The names of dimensions are what people read; keep them visible even where the whole type is kept.
  if (dims)
    details.set("dims", dims);
  return details.getDictionary(context);
}

bool qllm::onnx::exportValueDetails(DictionaryAttr details, Type actual, proto::ValueInfoProto &out) {
  if (auto text = details.getAs<StringAttr>("doc_string"))
    out.set_doc_string(text.str());
  exportEntries(details.get("metadata"), out.mutable_metadata_props());
  if (auto kept = details.getAs<StringAttr>("type_proto")) {
    // The model names the value and leaves its type open.
    if (kept.empty())
      return true;
    proto::TypeProto declared;
    if (declared.ParseFromArray(kept.data(), static_cast<int>(kept.size())) &&
        isGeneralizationOf(importType(declared, actual.getContext()), actual)) {
      *out.mutable_type() = declared;
      return true;
    }
  }
  if (isa<UnknownType>(actual))
    return true;
  if (!exportType(actual, *out.mutable_type()))
    return false;
  exportDims(details.getAs<ArrayAttr>("dims"), *out.mutable_type());
  return true;
}

Attribute qllm::onnx::importEntries(const Entries &entries, MLIRContext *context) {
  if (entries.empty())
    return {};
  Builder builder(context);
  NamedAttrList dictionary;
  SmallVector<Attribute> pairs;
  llvm::StringSet<> keys;
  bool unique = true;
  for (const auto &entry : entries) {
    unique &= !entry.key().empty() && keys.insert(entry.key()).second;
    pairs.push_back(builder.getStrArrayAttr({entry.key(), entry.value()}));
    if (unique)
      dictionary.append(entry.key(), builder.getStringAttr(entry.value()));
  }
  return unique ? Attribute(dictionary.getDictionary(context)) : builder.getArrayAttr(pairs);
}

void qllm::onnx::exportEntries(Attribute attribute, Entries *entries) {
  auto add = [&](StringRef key, Attribute value) {
    auto *entry = entries->Add();
    entry->set_key(key.str());
    if (auto text = dyn_cast<StringAttr>(value))
      entry->set_value(text.str());
  };
  if (auto dictionary = dyn_cast_or_null<DictionaryAttr>(attribute)) {
    for (NamedAttribute entry : dictionary)
      add(entry.getName(), entry.getValue());
  } else if (auto pairs = dyn_cast_or_null<ArrayAttr>(attribute)) {
    for (Attribute element : pairs) {
      auto pair = dyn_cast<ArrayAttr>(element);
      if (pair && pair.size() == 2 && isa<StringAttr>(pair[0]))
        add(cast<StringAttr>(pair[0]), pair[1]);
    }
  }
}
