// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "OperationAttributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "qllm/Interpreter/Interpreter.h"

using namespace qllm;
using namespace qllm::interp;
using llvm::dyn_cast_or_null;

mlir::Attribute interp::attributeOf(mlir::Operation *op, llvm::StringRef name,
                                    const CallScope *scope) {
  if (mlir::Attribute attribute = op->getAttr(name))
    return attribute;
  if (auto references = op->getAttrOfType<mlir::DictionaryAttr>("onnx.attribute_references")) {
    auto reference = dyn_cast_or_null<mlir::ArrayAttr>(references.get(name));
    auto parameter = reference && !reference.empty()
                         ? llvm::dyn_cast<mlir::StringAttr>(reference[0])
                         : mlir::StringAttr();
    return parameter && scope ? scope->lookup(parameter) : mlir::Attribute();
  }
  return nullptr;
}

mlir::Attribute CallScope::lookup(llvm::StringRef parameter) const {
  if (mlir::Attribute given = attributeOf(call, parameter, caller))
    return given;
  auto details = function->getAttrOfType<mlir::DictionaryAttr>("onnx.function");
  auto defaults = details ? dyn_cast_or_null<mlir::DictionaryAttr>(details.get("defaults"))
                          : mlir::DictionaryAttr();
  return defaults ? defaults.get(parameter) : mlir::Attribute();
}

std::optional<int64_t> OperationAttributes::integer(llvm::StringRef name) const {
  if (auto value = dyn_cast_or_null<mlir::IntegerAttr>(get(name));
      value && value.getValue().getSignificantBits() <= 64)
    return value.getValue().getSExtValue();
  return std::nullopt;
}

std::optional<double> OperationAttributes::real(llvm::StringRef name) const {
  if (auto value = dyn_cast_or_null<mlir::FloatAttr>(get(name)))
    return value.getValueAsDouble();
  return std::nullopt;
}

std::optional<std::string> OperationAttributes::string(llvm::StringRef name) const {
  if (auto value = dyn_cast_or_null<mlir::StringAttr>(get(name)))
    return value.str();
  return std::nullopt;
}

std::optional<Shape> OperationAttributes::integers(llvm::StringRef name) const {
  if (auto values = dyn_cast_or_null<mlir::DenseI64ArrayAttr>(get(name)))
    return Shape(values.asArrayRef());
  return std::nullopt;
}

std::optional<std::vector<float>> OperationAttributes::reals(llvm::StringRef name) const {
  if (auto values = dyn_cast_or_null<mlir::DenseF32ArrayAttr>(get(name)))
    return values.asArrayRef().vec();
  return std::nullopt;
}

std::optional<std::vector<std::string>> OperationAttributes::strings(llvm::StringRef name) const {
  auto values = dyn_cast_or_null<mlir::ArrayAttr>(get(name));
  if (!values)
    return std::nullopt;
  std::vector<std::string> texts;
  for (mlir::Attribute value : values)
    if (auto text = llvm::dyn_cast<mlir::StringAttr>(value))
      texts.push_back(text.str());
  return texts;
}

llvm::Expected<Tensor> OperationAttributes::tensor(llvm::StringRef name) const {
  mlir::Attribute attribute = get(name);
  return attribute ? tensorOf(attribute) : Tensor();
}
