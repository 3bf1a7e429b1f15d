// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A number that would become another one is refused, but for the rounding of floats.

#include "ParameterValue.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/APInt.h"
#include "llvm/Support/MathExtras.h"

using namespace qllm;
using namespace qllm::tool;

namespace {

std::optional<uint64_t> encodeInteger(const llvm::json::Value &number, unsigned bits) {
  if (bits > 64)
    return std::nullopt;
  if (std::optional<int64_t> value = number.getAsInteger()) {
    bool fits = *value < 0 ? llvm::isIntN(bits, *value) : llvm::isUIntN(bits, uint64_t(*value));
    return fits ? std::optional(uint64_t(*value)) : std::nullopt;
  }
  std::optional<uint64_t> value = number.getAsUINT64();
  return value && llvm::isUIntN(bits, *value) ? value : std::nullopt;
}

const llvm::fltSemantics *semanticsOf(const emu::Parameter &parameter) {
  if (parameter.kind == emu::ParameterKind::BrainFloat)
    return &llvm::APFloat::BFloat();
  if (parameter.kind != emu::ParameterKind::Float)
    return nullptr;
  switch (parameter.bits) {
  case 16:
    return &llvm::APFloat::IEEEhalf();
  case 32:
    return &llvm::APFloat::IEEEsingle();
  case 64:
    return &llvm::APFloat::IEEEdouble();
  default:
    return nullptr;
  }
}

} // namespace

std::optional<uint64_t> qllm::tool::encodeNumber(const llvm::json::Value &number,
                                                 const emu::Parameter &parameter) {
  if (parameter.kind == emu::ParameterKind::Integer)
    return encodeInteger(number, parameter.bits);
  const llvm::fltSemantics *semantics = semanticsOf(parameter);
  if (!semantics)
    return std::nullopt;
  llvm::APFloat value(*number.getAsNumber());
  bool isInexact;
  value.convert(*semantics, llvm::APFloat::rmNearestTiesToEven, &isInexact);
  if (!value.isFinite())
    return std::nullopt;
  return value.bitcastToAPInt().getZExtValue();
}

std::string qllm::tool::parameterTypeName(const emu::Parameter &parameter) {
  switch (parameter.kind) {
  case emu::ParameterKind::Pointer:
    return "a pointer";
  case emu::ParameterKind::Integer:
    return "i" + std::to_string(parameter.bits);
  case emu::ParameterKind::Float:
    return "f" + std::to_string(parameter.bits);
  case emu::ParameterKind::BrainFloat:
    return "bf16";
  case emu::ParameterKind::Bytes:
    return std::to_string(parameter.bits / 8) + " bytes by value";
  case emu::ParameterKind::Other:
    return "of another type";
  }
  llvm_unreachable("unknown kind of parameter");
}
