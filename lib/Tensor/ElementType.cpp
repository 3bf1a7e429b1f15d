// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "qllm/Tensor/ElementType.h"
#include "llvm/Support/ErrorHandling.h"

using namespace qllm;

namespace {

enum class Kind : uint8_t { None, Signed, Unsigned, Float, MiniFloat, Complex, Other };

struct Info {
  const char *name;
  uint8_t bytes;
  uint8_t bits;
  Kind kind;
};

/// Indexed by ElementType.
constexpr Info infos[] = {
    {"undefined", 0, 0, Kind::None},
    {"f32", 4, 32, Kind::Float},
    {"f64", 8, 64, Kind::Float},
    {"f16", 2, 16, Kind::Float},
    {"bf16", 2, 16, Kind::Float},
    {"i2", 1, 2, Kind::Signed},
    {"i4", 1, 4, Kind::Signed},
    {"i8", 1, 8, Kind::Signed},
    {"i16", 2, 16, Kind::Signed},
    {"i32", 4, 32, Kind::Signed},
    {"i64", 8, 64, Kind::Signed},
    {"ui2", 1, 2, Kind::Unsigned},
    {"ui4", 1, 4, Kind::Unsigned},
    {"ui8", 1, 8, Kind::Unsigned},
    {"ui16", 2, 16, Kind::Unsigned},
    {"ui32", 4, 32, Kind::Unsigned},
    {"ui64", 8, 64, Kind::Unsigned},
    {"i1", 1, 8, Kind::Other},
    {"string", 0, 0, Kind::Other},
    {"complex<f32>", 8, 64, Kind::Complex},
    {"complex<f64>", 16, 128, Kind::Complex},
    {"f8E4M3FN", 1, 8, Kind::MiniFloat},
    {"f8E4M3FNUZ", 1, 8, Kind::MiniFloat},
    {"f8E5M2", 1, 8, Kind::MiniFloat},
    {"f8E5M2FNUZ", 1, 8, Kind::MiniFloat},
    {"f8E8M0FNU", 1, 8, Kind::MiniFloat},
    {"f4E2M1FN", 1, 4, Kind::MiniFloat},
    {"f6E2M3FN", 1, 6, Kind::MiniFloat},
    {"f6E3M2FN", 1, 6, Kind::MiniFloat},
};

const Info &info(ElementType type) {
  assert(static_cast<size_t>(type) < std::size(infos) && "unknown element type");
  return infos[static_cast<size_t>(type)];
}

} // namespace

size_t qllm::storageBytes(ElementType type) { return info(type).bytes; }
unsigned qllm::fileBits(ElementType type) { return info(type).bits; }
llvm::StringRef qllm::elementTypeName(ElementType type) { return info(type).name; }
bool qllm::isSignedInteger(ElementType type) { return info(type).kind == Kind::Signed; }
bool qllm::isUnsignedInteger(ElementType type) { return info(type).kind == Kind::Unsigned; }
bool qllm::isFloat(ElementType type) { return info(type).kind == Kind::Float; }
bool qllm::isMiniFloat(ElementType type) { return info(type).kind == Kind::MiniFloat; }
bool qllm::isComplex(ElementType type) { return info(type).kind == Kind::Complex; }

ElementType qllm::elementTypeOfCode(int64_t code) {
  using E = ElementType;
  static constexpr E types[] = {
      E::Undefined, E::F32,      E::U8,         E::I8,     E::U16,        E::I16, E::I32, E::I64,
      E::String,    E::Bool,     E::F16,        E::F64,    E::U32,        E::U64, E::C64, E::C128,
      E::BF16,      E::F8E4M3FN, E::F8E4M3FNUZ, E::F8E5M2, E::F8E5M2FNUZ, E::U4,  E::I4,  E::F4E2M1,
      E::F8E8M0,    E::U2,       E::I2,         E::F6E2M3, E::F6E3M2};
  return code > 0 && code < int64_t(std::size(types)) ? types[code] : E::Undefined;
}
