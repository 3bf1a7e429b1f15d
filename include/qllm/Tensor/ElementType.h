// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The element types of run-time tensors: every type that ONNX has, and how each lies in memory.

#ifndef QLLM_TENSOR_ELEMENTTYPE_H
#define QLLM_TENSOR_ELEMENTTYPE_H

#include "llvm/ADT/StringRef.h"
#include <complex>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace qllm {

/// A run-time tensor keeps one element in one storage unit of whole bytes: types narrower than a
/// byte (int4, uint4, int2, uint2, float4, float6) take one byte each, integers sign- or
/// zero-extended, floats as their code in the low bits. Files pack them; `unpackElements` and
/// `packElements` convert. This keeps every layout operator (transpose, slice, gather ...) free of
/// bit arithmetic at twice the memory of the packed form.
enum class ElementType : uint8_t {
  Undefined,
  F32,
  F64,
  F16,
  BF16,
  I2,
  I4,
  I8,
  I16,
  I32,
  I64,
  U2,
  U4,
  U8,
  U16,
  U32,
  U64,
  Bool,
  String,
  C64,
  C128,
  F8E4M3FN,
  F8E4M3FNUZ,
  F8E5M2,
  F8E5M2FNUZ,
  F8E8M0,
  F4E2M1,
  F6E2M3,
  F6E3M2,
};

/// Bytes of one element in memory; 0 for strings, which are objects.
size_t storageBytes(ElementType type);
/// Bits of one element in a file.
unsigned fileBits(ElementType type);
/// The name in messages, for example `f32` or `ui8`.
llvm::StringRef elementTypeName(ElementType type);

/// The type that ONNX numbers so in TensorProto.DataType, or Undefined.
ElementType elementTypeOfCode(int64_t code);

bool isSignedInteger(ElementType type);
bool isUnsignedInteger(ElementType type);
inline bool isInteger(ElementType type) { return isSignedInteger(type) || isUnsignedInteger(type); }
/// f16 and bf16, which kernels compute in f32.
inline bool isHalf(ElementType type) {
  return type == ElementType::F16 || type == ElementType::BF16;
}
/// Real floating-point types of at least 16 bits.
bool isFloat(ElementType type);
/// 8-bit and narrower floating-point types, whose storage is a code.
bool isMiniFloat(ElementType type);
bool isComplex(ElementType type);

/// The storage of f16 and bf16, distinct from each other and from integers.
struct Half {
  uint16_t bits;
};
struct BFloat {
  uint16_t bits;
};

/// Maps a C++ storage type to its element type.
template <typename T> struct ElementTypeOf;
#define QLLM_ELEMENT_TYPE(CPP, NAME)                                                               \
  template <> struct ElementTypeOf<CPP> {                                                          \
    static constexpr ElementType value = ElementType::NAME;                                        \
  };
QLLM_ELEMENT_TYPE(float, F32)
QLLM_ELEMENT_TYPE(double, F64)
QLLM_ELEMENT_TYPE(Half, F16)
QLLM_ELEMENT_TYPE(BFloat, BF16)
QLLM_ELEMENT_TYPE(int8_t, I8)
QLLM_ELEMENT_TYPE(int16_t, I16)
QLLM_ELEMENT_TYPE(int32_t, I32)
QLLM_ELEMENT_TYPE(int64_t, I64)
QLLM_ELEMENT_TYPE(uint8_t, U8)
QLLM_ELEMENT_TYPE(uint16_t, U16)
QLLM_ELEMENT_TYPE(uint32_t, U32)
QLLM_ELEMENT_TYPE(uint64_t, U64)
QLLM_ELEMENT_TYPE(bool, Bool)
QLLM_ELEMENT_TYPE(std::complex<float>, C64)
QLLM_ELEMENT_TYPE(std::complex<double>, C128)
#undef QLLM_ELEMENT_TYPE

template <typename T> inline constexpr ElementType elementTypeOf = ElementTypeOf<T>::value;

} // namespace qllm

#endif // QLLM_TENSOR_ELEMENTTYPE_H
