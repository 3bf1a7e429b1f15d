// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Conversions of elements: between types, and between the run-time layout and the packed one of
// files.

#ifndef QLLM_TENSOR_CONVERT_H
#define QLLM_TENSOR_CONVERT_H

#include "qllm/Tensor/Tensor.h"

namespace qllm {

/// What to do with what a small float type cannot hold.
struct CastOptions {
  /// Out-of-range values become the largest finite value, otherwise infinity, or NaN where the type
  /// has none.
  bool saturate = true;
  /// Rounding to f8E8M0FNU, which holds powers of two only.
  enum class PowerRounding { Up, Down, Nearest } powerRounding = PowerRounding::Up;
};

/// Converts every element as the ONNX Cast operator does; the result shares storage when the types
/// agree.
llvm::Expected<Tensor> cast(const Tensor &input, ElementType type, CastOptions options = {});

/// A tensor from file bytes: little endian, 4-bit types two to a byte with the first in the low
/// nibble, 2-bit four to a byte, 6-bit and bool one each. Borrows the bytes when the layouts agree.
llvm::Expected<Tensor> unpackElements(ElementType type, llvm::ArrayRef<int64_t> shape,
                                      llvm::ArrayRef<char> bytes,
                                      std::shared_ptr<const void> owner = nullptr);
/// The bytes of a tensor as files have them. Strings cannot be packed.
std::vector<char> packElements(const Tensor &tensor);
/// How many file bytes `count` elements take.
size_t packedBytes(ElementType type, int64_t count);

/// The value of each code of a small float type (256 entries; codes beyond the type's bits are
/// NaN).
llvm::ArrayRef<float> miniFloatValues(ElementType type);
/// The code nearest to the value, ties to even.
uint8_t encodeMiniFloat(ElementType type, float value, CastOptions options = {});

} // namespace qllm

#endif // QLLM_TENSOR_CONVERT_H
