// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/Tensor.h"
#include "qllm/Tensor/Buffer.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace qllm;

std::optional<int64_t> qllm::elementCount(llvm::ArrayRef<int64_t> shape) {
  // A zero anywhere makes the tensor empty, but the other dimensions must still be sensible:
  // strides are computed from them.
  int64_t count = 1, nonZero = 1;
  for (int64_t dim : shape) {
    if (dim < 0 || llvm::MulOverflow(nonZero, std::max<int64_t>(dim, 1), nonZero))
      return std::nullopt;
    count *= dim;
  }
  if (nonZero > INT64_MAX / 16)
    return std::nullopt; // the byte count must fit too
  // Kernels loop over the other dimensions of an empty tensor, which no memory bounds.
  if (count == 0 && nonZero > (int64_t(1) << 31))
    return std::nullopt;
  return count;
}

static llvm::Error impossibleShape(ElementType type, llvm::ArrayRef<int64_t> shape) {
  return llvm::createStringError("expected a shape whose size is representable, but got %s of %s",
                                 describeShape(shape).c_str(), elementTypeName(type).data());
}

llvm::Expected<Tensor> Tensor::allocate(ElementType type, llvm::ArrayRef<int64_t> shape) {
  std::optional<int64_t> count = elementCount(shape);
  if (!count)
    return impossibleShape(type, shape);
  Tensor tensor;
  tensor.elementType = type;
  tensor.dims.assign(shape.begin(), shape.end());
  tensor.count = *count;
  if (type == ElementType::String) {
    tensor.stringData = std::make_shared<std::vector<std::string>>(*count);
    tensor.storage = tensor.stringData;
    return tensor;
  }
  std::shared_ptr<char> block = BufferCache::get().allocate(tensor.byteSize());
  if (!block)
    return llvm::createStringError(
        "expected memory for a tensor of %llu bytes, but the machine has not that much left",
        static_cast<unsigned long long>(tensor.byteSize()));
  tensor.address = block.get();
  tensor.storage = std::move(block);
  return tensor;
}

llvm::Expected<Tensor> Tensor::borrow(ElementType type, llvm::ArrayRef<int64_t> shape,
                                      llvm::ArrayRef<char> bytes,
                                      std::shared_ptr<const void> owner) {
  std::optional<int64_t> count = elementCount(shape);
  if (!count || type == ElementType::String)
    return impossibleShape(type, shape);
  Tensor tensor;
  tensor.elementType = type;
  tensor.borrowed = true;
  tensor.dims.assign(shape.begin(), shape.end());
  tensor.count = *count;
  if (bytes.size() != tensor.byteSize())
    return llvm::createStringError("expected %llu bytes for %s of %s, but got %llu",
                                   static_cast<unsigned long long>(tensor.byteSize()),
                                   describeShape(shape).c_str(), elementTypeName(type).data(),
                                   static_cast<unsigned long long>(bytes.size()));
  tensor.address = const_cast<char *>(bytes.data());
  tensor.storage = std::move(owner);
  return tensor;
}

Tensor Tensor::ofStrings(llvm::ArrayRef<int64_t> shape, std::vector<std::string> values) {
  Tensor tensor;
  tensor.elementType = ElementType::String;
  tensor.dims.assign(shape.begin(), shape.end());
  tensor.count = static_cast<int64_t>(values.size());
  assert(elementCount(shape) == tensor.count && "shape and values disagree");
  tensor.stringData = std::make_shared<std::vector<std::string>>(std::move(values));
  tensor.storage = tensor.stringData;
  return tensor;
}

Tensor Tensor::reshaped(llvm::ArrayRef<int64_t> shape) const {
  assert(elementCount(shape) == count && "reshape keeps the number of elements");
  Tensor result = *this;
  result.dims.assign(shape.begin(), shape.end());
  return result;
}

Tensor Tensor::reinterpreted(ElementType type) const {
  assert(storageBytes(type) == storageBytes(elementType) &&
         "reinterpretation keeps the storage size");
  Tensor result = *this;
  result.elementType = type;
  return result;
}

Tensor Tensor::rows(int64_t begin, int64_t length) const {
  assert(rank() > 0 && begin >= 0 && length >= 0 && begin + length <= dims[0] &&
         "rows out of range");
  assert(elementType != ElementType::String && "string tensors have no views");
  Tensor result = *this;
  int64_t rowSize = dims[0] ? count / dims[0] : 0;
  result.dims[0] = length;
  result.count = length * rowSize;
  result.address += begin * rowSize * int64_t(storageBytes(elementType));
  return result;
}

std::string qllm::describeShape(llvm::ArrayRef<int64_t> shape) {
  if (shape.empty())
    return "scalar";
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleave(shape, stream, "x");
  return text;
}

std::string qllm::describe(const Tensor &tensor) {
  std::string text = "tensor<";
  for (int64_t dim : tensor.shape())
    text += std::to_string(dim) + "x";
  return text + elementTypeName(tensor.type()).str() + ">";
}
