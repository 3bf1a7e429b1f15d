// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Weights on their way out.

#include "TensorStore.h"
#include "Skeleton.h"
#include "TypeConversion.h"

#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::TensorProto;

namespace {

/// Readers map external data by pages, as the ONNX specification recommends; small tensors would waste them.
uint64_t alignmentFor(uint64_t size) { return size >= 1 << 16 ? 4096 : 64; }

} // namespace

llvm::Error TensorStore::add(TypedAttr value, TensorProto &out) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  int32_t element = type ? exportElementType(type.getElementType()) : TensorProto::UNDEFINED;
  if (element == TensorProto::UNDEFINED || !type.hasStaticShape()) {
    std::string text;
    llvm::raw_string_ostream(text) << "expected a static shape and an element type that ONNX has, but got " << value.getType();
    return llvm::createStringError(text);
  }
  out.set_data_type(element);
  for (int64_t size : type.getShape())
    out.add_dims(size);
  if (auto strings = dyn_cast<DenseStringElementsAttr>(value)) {
    for (StringRef text : strings.getValues<StringRef>())
      out.add_string_data(text.str());
    return llvm::Error::success();
  }
  if (isa<DenseElementsAttr>(value) || *storageBytes(type) <= largestInlineTensor) {
    SmallVector<char> scratch;
    llvm::Expected<ArrayRef<char>> bytes = files.bytes(value, scratch);
    if (!bytes)
      return bytes.takeError();
    out.set_raw_data(bytes->data(), bytes->size());
    return llvm::Error::success();
  }
  // Found out now rather than when the file is half written.
  llvm::Expected<ArrayRef<char>> bytes = files.bytes(value);
  if (!bytes)
    return bytes.takeError();
  out.mutable_segment();
  large[&out] = value;
  total += bytes->size();
  return llvm::Error::success();
}

uint64_t TensorStore::sizeOf(const TensorProto &tensor) const {
  return *storageBytes(cast<ShapedType>(cast<TypedAttr>(large.lookup(&tensor)).getType()));
}

llvm::Error TensorStore::moveInline(TensorProto &tensor) {
  llvm::Expected<ArrayRef<char>> bytes = files.bytes(large.lookup(&tensor));
  if (!bytes)
    return bytes.takeError();
  tensor.clear_segment();
  tensor.set_raw_data(bytes->data(), bytes->size());
  return llvm::Error::success();
}

llvm::Error TensorStore::append(Attribute value, OutputFile &file) {
  if (auto external = dyn_cast<ExternalAttr>(value)) {
    llvm::Expected<std::shared_ptr<MappedFile>> source = files.file(external);
    return source ? file.copy(**source, external.getOffset(), external.getSize()) : source.takeError();
  }
  llvm::Expected<ArrayRef<char>> bytes = files.bytes(value);
  return bytes ? file.write(*bytes) : bytes.takeError();
}

llvm::Error TensorStore::stream(const TensorProto &tensor, OutputFile &file) { return append(large.lookup(&tensor), file); }

llvm::Error TensorStore::moveExternal(TensorProto &tensor, OutputFile &file, StringRef location) {
  Attribute value = large.lookup(&tensor);
  uint64_t size = sizeOf(tensor);
  auto known = placed.find(value);
  if (known == placed.end()) {
    if (llvm::Error error = file.align(alignmentFor(size)))
      return error;
    known = placed.try_emplace(value, file.size()).first;
    if (llvm::Error error = append(value, file))
      return error;
  }
  tensor.clear_segment();
  tensor.set_data_location(TensorProto::EXTERNAL);
  auto set = [&](const char *key, std::string text) {
    auto *entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(std::move(text));
  };
  set("location", location.str());
  set("offset", std::to_string(known->second));
  set("length", std::to_string(size));
  return llvm::Error::success();
}
