// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From attributes and types of the IR to tensors.

#include "mlir/IR/BuiltinAttributes.h"
#include "qllm/Dialect/ONNX/IR/DataFiles.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "qllm/Interpreter/Interpreter.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace qllm;
using namespace qllm::interp;

static ElementType integerTypeOf(mlir::IntegerType type) {
  bool isUnsigned = type.isUnsigned();
  switch (type.getWidth()) {
  case 1:
    return ElementType::Bool;
  case 2:
    return isUnsigned ? ElementType::U2 : ElementType::I2;
  case 4:
    return isUnsigned ? ElementType::U4 : ElementType::I4;
  case 8:
    return isUnsigned ? ElementType::U8 : ElementType::I8;
  case 16:
    return isUnsigned ? ElementType::U16 : ElementType::I16;
  case 32:
    return isUnsigned ? ElementType::U32 : ElementType::I32;
  case 64:
    return isUnsigned ? ElementType::U64 : ElementType::I64;
  default:
    return ElementType::Undefined;
  }
}

ElementType interp::runtimeElementType(mlir::Type type) {
  if (auto integer = llvm::dyn_cast<mlir::IntegerType>(type))
    return integerTypeOf(integer);
  if (llvm::isa<onnx::StringType>(type))
    return ElementType::String;
  if (auto complex = llvm::dyn_cast<mlir::ComplexType>(type))
    return complex.getElementType().isF64()   ? ElementType::C128
           : complex.getElementType().isF32() ? ElementType::C64
                                              : ElementType::Undefined;
  return llvm::TypeSwitch<mlir::Type, ElementType>(type)
      .Case<mlir::Float32Type>([](auto) { return ElementType::F32; })
      .Case<mlir::Float64Type>([](auto) { return ElementType::F64; })
      .Case<mlir::Float16Type>([](auto) { return ElementType::F16; })
      .Case<mlir::BFloat16Type>([](auto) { return ElementType::BF16; })
      .Case<mlir::Float8E4M3FNType>([](auto) { return ElementType::F8E4M3FN; })
      .Case<mlir::Float8E4M3FNUZType>([](auto) { return ElementType::F8E4M3FNUZ; })
      .Case<mlir::Float8E5M2Type>([](auto) { return ElementType::F8E5M2; })
      .Case<mlir::Float8E5M2FNUZType>([](auto) { return ElementType::F8E5M2FNUZ; })
      .Case<mlir::Float8E8M0FNUType>([](auto) { return ElementType::F8E8M0; })
      .Case<mlir::Float4E2M1FNType>([](auto) { return ElementType::F4E2M1; })
      .Case<mlir::Float6E2M3FNType>([](auto) { return ElementType::F6E2M3; })
      .Case<mlir::Float6E3M2FNType>([](auto) { return ElementType::F6E3M2; })
      .Default([](auto) { return ElementType::Undefined; });
}

/// The copy that `DataFiles::bytes` made, or that alignment asks for, owned by the tensor.
static std::shared_ptr<std::vector<char>> ownedCopy(llvm::ArrayRef<char> bytes) {
  return std::make_shared<std::vector<char>>(bytes.begin(), bytes.end());
}

static llvm::Expected<Tensor> tensorOfStrings(llvm::ArrayRef<int64_t> shape,
                                              std::vector<std::string> texts) {
  if (elementCount(shape) != int64_t(texts.size()))
    return llvm::createStringError("expected one string for each element, but got %llu",
                                   static_cast<unsigned long long>(texts.size()));
  return Tensor::ofStrings(shape, std::move(texts));
}

llvm::Expected<Tensor> interp::tensorOf(mlir::Attribute elements) {
  if (auto strings = llvm::dyn_cast<mlir::DenseStringElementsAttr>(elements)) {
    std::vector<std::string> texts;
    for (llvm::StringRef text : strings.getValues<llvm::StringRef>())
      texts.push_back(text.str());
    return tensorOfStrings(strings.getType().getShape(), std::move(texts));
  }
  auto typed = llvm::dyn_cast<mlir::TypedAttr>(elements);
  auto shaped = typed ? llvm::dyn_cast<mlir::ShapedType>(typed.getType()) : mlir::ShapedType();
  ElementType type = shaped ? runtimeElementType(shaped.getElementType()) : ElementType::Undefined;
  if (type == ElementType::Undefined || !shaped.hasStaticShape())
    return llvm::createStringError(
        "expected elements of a static tensor type that the interpreter knows");
  llvm::SmallVector<char> scratch;
  llvm::Expected<llvm::ArrayRef<char>> bytes =
      onnx::DataFiles::get(elements.getContext()).bytes(elements, scratch);
  if (!bytes)
    return bytes.takeError();
  // Mapped bytes live as long as the context; a scratch copy, or bytes at an odd address, need a
  // home of their own.
  bool copied = !scratch.empty() && bytes->data() == scratch.data();
  bool aligned = reinterpret_cast<uintptr_t>(bytes->data()) %
                     std::max<size_t>(1, std::min<size_t>(8, storageBytes(type))) ==
                 0;
  if (!copied && aligned)
    return unpackElements(type, shaped.getShape(), *bytes);
  std::shared_ptr<std::vector<char>> owner = ownedCopy(*bytes);
  return unpackElements(type, shaped.getShape(), *owner, owner);
}
