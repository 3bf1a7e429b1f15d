// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Calls a generic lambda with the C++ type that stores an element type.

#ifndef QLLM_TENSOR_DISPATCH_H
#define QLLM_TENSOR_DISPATCH_H

#include "qllm/Tensor/ElementType.h"

namespace qllm {

/// Stands for a type in the arguments of a generic lambda.
template <typename T> struct TypeTag {
  using Type = T;
};
template <typename Tag> using TypeIn = typename Tag::Type;

/// Types with arithmetic of their own: f32, f64 and integers of 8 to 64 bits. Calls
/// `body(TypeTag<T>())` and returns true, or returns false for any other type. Narrow integers come
/// as int8_t or uint8_t, which store them.
template <typename Body> bool dispatchArithmetic(ElementType type, Body &&body) {
  switch (type) {
#define QLLM_CASE(NAME, T)                                                                         \
  case ElementType::NAME:                                                                          \
    body(TypeTag<T>());                                                                            \
    return true;
    QLLM_CASE(F32, float)
    QLLM_CASE(F64, double)
    QLLM_CASE(I2, int8_t)
    QLLM_CASE(I4, int8_t)
    QLLM_CASE(I8, int8_t)
    QLLM_CASE(I16, int16_t)
    QLLM_CASE(I32, int32_t)
    QLLM_CASE(I64, int64_t)
    QLLM_CASE(U2, uint8_t)
    QLLM_CASE(U4, uint8_t)
    QLLM_CASE(U8, uint8_t)
    QLLM_CASE(U16, uint16_t)
    QLLM_CASE(U32, uint32_t)
    QLLM_CASE(U64, uint64_t)
  default:
    return false;
  }
}

template <typename Body> bool dispatchFloat(ElementType type, Body &&body) {
  switch (type) {
    QLLM_CASE(F32, float)
    QLLM_CASE(F64, double)
  default:
    return false;
  }
}

template <typename Body> bool dispatchInteger(ElementType type, Body &&body) {
  return !isFloat(type) && dispatchArithmetic(type, body);
}
#undef QLLM_CASE

/// For operators that only move elements: an unsigned type of the element's storage size.
struct Wide128 {
  uint64_t words[2];
};
template <typename Body> bool dispatchStorage(ElementType type, Body &&body) {
  switch (storageBytes(type)) {
  case 1:
    return body(TypeTag<uint8_t>()), true;
  case 2:
    return body(TypeTag<uint16_t>()), true;
  case 4:
    return body(TypeTag<uint32_t>()), true;
  case 8:
    return body(TypeTag<uint64_t>()), true;
  case 16:
    return body(TypeTag<Wide128>()), true;
  default:
    return false;
  }
}

} // namespace qllm

#endif // QLLM_TENSOR_DISPATCH_H
