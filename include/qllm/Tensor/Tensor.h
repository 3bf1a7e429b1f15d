// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A dense run-time tensor with shared storage.

#ifndef QLLM_TENSOR_TENSOR_H
#define QLLM_TENSOR_TENSOR_H

#include "qllm/Tensor/ElementType.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"
#include <cassert>
#include <memory>
#include <string>
#include <vector>

namespace qllm {

using Shape = llvm::SmallVector<int64_t, 6>;

/// The number of elements of a shape, or nothing when a dimension is negative or the product does
/// not fit.
std::optional<int64_t> elementCount(llvm::ArrayRef<int64_t> shape);

/// A dense row-major tensor. Copying one shares its storage; kernels write only into tensors they
/// have just allocated or that `isUnique`. Storage is owned (from the BufferCache), or borrowed
/// from bytes that something else keeps alive, such as a mapped weight file.
class Tensor {
public:
  Tensor() = default;

  /// An uninitialized tensor. Fails when the shape is impossible or the memory is not there.
  static llvm::Expected<Tensor> allocate(ElementType type, llvm::ArrayRef<int64_t> shape);
  /// A tensor over bytes in the run-time layout; `owner` keeps them alive and may be null when the
  /// caller does. Fails when the number of bytes is not the one that type and shape need.
  static llvm::Expected<Tensor> borrow(ElementType type, llvm::ArrayRef<int64_t> shape,
                                       llvm::ArrayRef<char> bytes,
                                       std::shared_ptr<const void> owner = nullptr);
  /// A small tensor with the given values, for constants and tests.
  template <typename T> static Tensor of(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<T> values);
  template <typename T> static Tensor scalar(T value) {
    return of<T>({}, llvm::ArrayRef<T>(value));
  }
  static Tensor ofStrings(llvm::ArrayRef<int64_t> shape, std::vector<std::string> values);

  ElementType type() const { return elementType; }
  llvm::ArrayRef<int64_t> shape() const { return dims; }
  int64_t rank() const { return static_cast<int64_t>(dims.size()); }
  int64_t dim(int64_t axis) const { return dims[axis]; }
  int64_t size() const { return count; }
  size_t byteSize() const { return storageBytes(elementType) * size_t(count); }
  bool isNull() const { return elementType == ElementType::Undefined; }
  bool isScalarLike() const { return count == 1; }

  const char *rawData() const { return address; }
  char *rawMutableData() {
    assert(!borrowed && "borrowed bytes are read-only");
    return address;
  }
  template <typename T> const T *data() const {
    assert(sizeof(T) == storageBytes(elementType) && "wrong storage type");
    return reinterpret_cast<const T *>(address);
  }
  template <typename T> T *mutableData() {
    assert(sizeof(T) == storageBytes(elementType) && "wrong storage type");
    return reinterpret_cast<T *>(rawMutableData());
  }
  template <typename T> llvm::ArrayRef<T> values() const { return {data<T>(), size_t(count)}; }
  llvm::ArrayRef<std::string> strings() const { return *stringData; }
  std::vector<std::string> &mutableStrings() { return *stringData; }

  /// Whether this is the only owner of the storage, so that it may be overwritten.
  bool isUnique() const { return !borrowed && storage && storage.use_count() == 1; }

  /// The same storage with another shape of as many elements.
  Tensor reshaped(llvm::ArrayRef<int64_t> shape) const;
  /// The same storage read as another type of the same storage size.
  Tensor reinterpreted(ElementType type) const;
  /// Rows [begin, begin + length) along the first axis, sharing the storage.
  Tensor rows(int64_t begin, int64_t length) const;

private:
  ElementType elementType = ElementType::Undefined;
  bool borrowed = false;
  Shape dims;
  int64_t count = 0;
  std::shared_ptr<const void> storage;
  std::shared_ptr<std::vector<std::string>> stringData;
  char *address = nullptr;
};

/// `tensor<2x3xf32>`, for messages.
std::string describe(const Tensor &tensor);
/// `2x3`, or `scalar` for rank 0.
std::string describeShape(llvm::ArrayRef<int64_t> shape);

template <typename T> Tensor Tensor::of(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<T> values) {
  Tensor tensor = llvm::cantFail(allocate(elementTypeOf<T>, shape));
  assert(tensor.size() == int64_t(values.size()) && "shape and values disagree");
  std::copy(values.begin(), values.end(), tensor.template mutableData<T>());
  return tensor;
}

} // namespace qllm

#endif // QLLM_TENSOR_TENSOR_H
