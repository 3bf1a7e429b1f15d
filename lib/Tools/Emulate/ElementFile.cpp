// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Files that do not end in .npy are raw bytes.

#include "ElementFile.h"

#include "qllm/Support/DataDirectory.h"
#include "qllm/Tensor/NumpyFile.h"
#include "llvm/Support/Path.h"

using namespace qllm;
using llvm::StringRef;

namespace {

/// `tensor<2x3xf32>`
std::string typeText(ElementType type, llvm::ArrayRef<int64_t> shape) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + elementTypeName(type).str() + ">";
}

llvm::Error wrong(StringRef path, const llvm::Twine &wanted, const llvm::Twine &found) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                 "'" + path + "': expected " + wanted + ", but got " + found);
}

/// Types whose elements travel as integers or void of the same width, because NumPy has no name for
/// them.
bool isUnknownToNumpy(ElementType type) {
  return type == ElementType::BF16 || isMiniFloat(type) || (isInteger(type) && fileBits(type) < 8);
}

bool isBits(ElementType type) { return isInteger(type) || isUnknownToNumpy(type); }

bool agree(ElementType a, ElementType b) {
  return a == b || (storageBytes(a) == storageBytes(b) && isBits(a) && isBits(b) &&
                    (isUnknownToNumpy(a) || isUnknownToNumpy(b)));
}

llvm::Expected<Tensor> readArray(StringRef path, llvm::ArrayRef<char> bytes, ElementType type,
                                 llvm::ArrayRef<int64_t> shape) {
  // Narrow integers are not named to the reader: it would take their upper bits for nothing.
  llvm::Expected<Tensor> tensor =
      parseNumpyArray(bytes, isMiniFloat(type) ? type : ElementType::Undefined);
  if (!tensor)
    return llvm::createStringError("'" + path + "': " + llvm::toString(tensor.takeError()));
  if (tensor->type() == ElementType::String)
    return wrong(path, "numbers", "strings");
  if (type == ElementType::Undefined)
    return tensor;
  if (!agree(type, tensor->type()) || shape != tensor->shape())
    return wrong(path, typeText(type, shape), describe(*tensor));
  return tensor->reinterpreted(type);
}

} // namespace

llvm::Expected<Tensor> qllm::tool::readElementFile(StringRef path, ElementType type,
                                                   llvm::ArrayRef<int64_t> shape) {
  llvm::Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.takeError();
  llvm::ArrayRef<char> bytes = (*file)->bytes();
  if (llvm::sys::path::extension(path) == ".npy")
    return readArray(path, bytes, type, shape);
  if (type == ElementType::Undefined)
    return Tensor::borrow(ElementType::U8, {int64_t(bytes.size())}, bytes, *file);
  std::optional<int64_t> count = elementCount(shape);
  if (!count || bytes.size() / storageBytes(type) != uint64_t(*count) ||
      bytes.size() % storageBytes(type))
    return wrong(path, "the bytes of " + typeText(type, shape),
                 llvm::Twine(bytes.size()) + " bytes");
  return Tensor::borrow(type, shape, bytes, *file);
}
