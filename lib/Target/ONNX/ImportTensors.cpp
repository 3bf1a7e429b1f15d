// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Tensors of a model: small ones become text, large ones stay where they are.

#include "Skeleton.h"
#include "Tensors.h"
#include "TypeConversion.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "qllm/Dialect/ONNX/IR/ONNXDialect.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qllm;
using namespace qllm::onnx;
using proto::TensorProto;

namespace {

template <typename... Args> llvm::Error failed(const char *format, Args &&...args) {
  return llvm::createStringError(llvm::formatv(format, std::forward<Args>(args)...).str());
}

/// Reads elements of `bits` bits, the first in the lowest bits.
llvm::APInt extract(ArrayRef<char> bytes, uint64_t index, unsigned bits) {
  llvm::APInt value(bits, 0);
  for (unsigned bit = 0; bit != bits; ++bit) {
    uint64_t position = index * bits + bit;
    if (static_cast<uint8_t>(bytes[position / 8]) >> (position % 8) & 1)
      value.setBit(bit);
  }
  return value;
}

bool hasTypedData(const TensorProto &tensor) {
  return tensor.float_data_size() || tensor.int32_data_size() || tensor.int64_data_size() || tensor.double_data_size() ||
         tensor.uint64_data_size() || tensor.string_data_size();
}

} // namespace

llvm::Expected<RankedTensorType> qllm::onnx::importTensorProtoType(const TensorProto &tensor, MLIRContext *context) {
  Type element = importElementType(tensor.data_type(), context);
  if (!element)
    return failed("unknown element type {0}", tensor.data_type());
  for (auto [axis, size] : llvm::enumerate(tensor.dims()))
    if (size < 0)
      return failed("expected a size that is not negative for axis {0}, but got {1}", axis, size);
  auto type = RankedTensorType::get(SmallVector<int64_t>(tensor.dims().begin(), tensor.dims().end()), element);
  // A zero extent must not hide that the others overflow what MLIR counts in.
  int64_t elements = 1;
  for (int64_t size : tensor.dims())
    if (size != 0 && llvm::MulOverflow(elements, size, elements))
      return failed("the shape has more than 9223372036854775807 elements");
  if (!isa<StringType>(element) && !storageBytes(type))
    return failed("the elements take more than 18446744073709551615 bits");
  return type;
}

TypedAttr qllm::onnx::denseFromRaw(RankedTensorType type, ArrayRef<char> bytes) {
  Type element = type.getElementType();
  unsigned bits = element.isInteger(1) ? 1 : *storageBits(element);
  // MLIR gives every element whole bytes, so anything narrower than a byte is taken apart.
  if (bits >= 8)
    return DenseElementsAttr::getFromRawBuffer(type, bytes);
  SmallVector<llvm::APInt> values;
  for (int64_t i = 0, e = type.getNumElements(); i != e; ++i)
    values.push_back(bits == 1 ? llvm::APInt(1, bytes[i] != 0) : extract(bytes, i, bits));
  auto floatType = dyn_cast<FloatType>(element);
  if (!floatType)
    return DenseElementsAttr::get(type, values);
  SmallVector<llvm::APFloat> floats;
  for (const llvm::APInt &value : values)
    floats.emplace_back(floatType.getFloatSemantics(), value);
  return DenseElementsAttr::get(type, floats);
}

llvm::Expected<TypedAttr> TensorImporter::importStrings(const TensorProto &tensor, RankedTensorType type) {
  if (tensor.has_raw_data() || tensor.has_segment() || tensor.data_location() == TensorProto::EXTERNAL)
    return failed("strings can only be in string_data");
  if (tensor.string_data_size() != type.getNumElements())
    return failed("expected {0} values in string_data, but got {1}", type.getNumElements(), tensor.string_data_size());
  SmallVector<StringRef> values(tensor.string_data().begin(), tensor.string_data().end());
  return TypedAttr(cast<TypedAttr>(Attribute(DenseStringElementsAttr::get(type, values))));
}

TypedAttr TensorImporter::fromBytes(RankedTensorType type, StringRef name, ArrayRef<char> bytes) {
  if (bytes.size() <= largestInlineTensor)
    return denseFromRaw(type, bytes);
  return DenseResourceElementsAttr::get(type, name.empty() ? "tensor" : name,
                                        HeapAsmResourceBlob::allocateAndCopyWithAlign(bytes, /*align=*/64, /*dataIsMutable=*/false));
}

TypedAttr TensorImporter::fromFile(RankedTensorType type, StringRef name, StringRef file, ArrayRef<char> bytes, uint64_t offset) {
  if (bytes.size() <= largestInlineTensor)
    return denseFromRaw(type, bytes);
  if (!inlineWeights)
    return ExternalAttr::get(type, file, offset, bytes.size());
  // The mapping lives as long as the context, which owns the resource too.
  return DenseResourceElementsAttr::get(type, name.empty() ? "tensor" : name,
                                        UnmanagedAsmResourceBlob::allocateWithAlign(bytes, /*align=*/1));
}

llvm::Expected<TypedAttr> TensorImporter::importExternal(const TensorProto &tensor, RankedTensorType type, uint64_t size) {
  StringRef location;
  uint64_t offset = 0, length = size;
  for (const auto &entry : tensor.external_data()) {
    if (entry.key() == "location")
      location = entry.value();
    uint64_t *number = entry.key() == "offset" ? &offset : entry.key() == "length" ? &length : nullptr;
    if (number && StringRef(entry.value()).getAsInteger(10, *number))
      return failed("expected a number as {0} of external data, but got '{1}'", entry.key(), entry.value());
  }
  if (length != size)
    return failed("expected {0} bytes of external data for {1} elements, but got length {2}", size, type.getNumElements(), length);
  if (hasTypedData(tensor) || tensor.has_raw_data() || tensor.has_segment())
    return failed("expected no values beside external data");
  llvm::SmallString<64> file(location);
  llvm::sys::path::remove_dots(file, /*remove_dot_dot=*/false);
  if (!files.directory())
    return failed("external data '{0}' of a model that is in no directory", location);
  llvm::Expected<std::shared_ptr<MappedFile>> mapped = files.directory()->file(location.contains('\0') ? location : StringRef(file));
  if (!mapped)
    return mapped.takeError();
  llvm::Expected<ArrayRef<char>> bytes = (*mapped)->range(offset, size);
  if (!bytes)
    return bytes.takeError();
  return fromFile(type, tensor.name(), file, *bytes, offset);
}

llvm::Expected<TypedAttr> TensorImporter::import(const TensorProto &tensor) {
  llvm::Expected<RankedTensorType> type = importTensorProtoType(tensor, context);
  if (!type)
    return type.takeError();
  if (isa<StringType>(type->getElementType()))
    return importStrings(tensor, *type);
  uint64_t size = *storageBytes(*type);
  if (tensor.data_location() == TensorProto::EXTERNAL)
    return importExternal(tensor, *type, size);
  if (tensor.has_segment() + !tensor.raw_data().empty() + hasTypedData(tensor) > 1)
    return failed("expected values in one field, but got several");
  if (!hasTypedData(tensor)) {
    uint64_t begin = static_cast<uint64_t>(tensor.segment().begin());
    ArrayRef<char> bytes = tensor.has_segment() ? self.slice(begin, static_cast<uint64_t>(tensor.segment().end()) - begin)
                                                : ArrayRef<char>(tensor.raw_data().data(), tensor.raw_data().size());
    if (bytes.size() != size)
      return failed("expected {0} bytes of raw data for {1} elements, but got {2}", size, type->getNumElements(), bytes.size());
    if (tensor.has_segment() && !selfName.empty())
      return fromFile(*type, tensor.name(), selfName, bytes, begin);
    return fromBytes(*type, tensor.name(), bytes);
  }
  uint64_t elements = static_cast<uint64_t>(type->getNumElements());
  llvm::Expected<std::string> raw = typedDataToRaw(tensor, *storageBits(type->getElementType()), elements);
  if (!raw)
    return raw.takeError();
  return fromBytes(*type, tensor.name(), ArrayRef<char>(raw->data(), raw->size()));
}
