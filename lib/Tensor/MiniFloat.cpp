// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 8-bit and narrower floats: those of the format library, and the two without a negative zero by
// way of LLVM's floats.

#include "qllm/Format/ElementFormat.h"
#include "qllm/Tensor/Convert.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/Support/ErrorHandling.h"
#include <array>
#include <cmath>

using namespace qllm;
using llvm::APFloat;

/// The format in the library, or null for the FNUZ types, which only ONNX's Cast needs.
static const ElementFormat *formatOf(ElementType type) {
  switch (type) {
  case ElementType::F8E4M3FN:
    return &ElementFormat::e4m3();
  case ElementType::F8E5M2:
    return &ElementFormat::e5m2();
  case ElementType::F8E8M0:
    return &ElementFormat::ue8m0();
  case ElementType::F4E2M1:
    return &ElementFormat::e2m1();
  case ElementType::F6E2M3:
    return &ElementFormat::e2m3();
  case ElementType::F6E3M2:
    return &ElementFormat::e3m2();
  default:
    return nullptr;
  }
}

static const llvm::fltSemantics &semanticsOf(ElementType type) {
  assert((type == ElementType::F8E4M3FNUZ || type == ElementType::F8E5M2FNUZ) && "not a FNUZ type");
  return type == ElementType::F8E4M3FNUZ ? APFloat::Float8E4M3FNUZ() : APFloat::Float8E5M2FNUZ();
}

using Table = std::array<float, 256>;

static Table makeTable(ElementType type) {
  Table table;
  for (unsigned code = 0; code < 256; ++code) {
    APFloat value(semanticsOf(type), llvm::APInt(8, code));
    bool inexact;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &inexact);
    table[code] = value.convertToFloat();
  }
  return table;
}

llvm::ArrayRef<float> qllm::miniFloatValues(ElementType type) {
  if (const ElementFormat *format = formatOf(type))
    return {format->decodeTable(), 256};
  static const Table e4m3 = makeTable(ElementType::F8E4M3FNUZ),
                     e5m2 = makeTable(ElementType::F8E5M2FNUZ);
  return type == ElementType::F8E4M3FNUZ ? e4m3 : e5m2;
}

/// ONNX's rules for f8E8M0FNU, which has neither zero nor sign: the magnitude counts, and what is
/// out of range goes to the nearest end or to NaN.
static uint8_t encodePower(float value, CastOptions options) {
  if (std::isnan(value))
    return 0xff;
  value = std::fabs(value);
  if (std::isinf(value) || value == 0)
    return !options.saturate ? 0xff : value == 0 ? 0x00 : 0xfe;
  int exponent; // value = fraction * 2^exponent, fraction in [0.5, 1)
  float fraction = std::frexp(value, &exponent);
  int code = exponent - 1 + 127;
  using Rounding = CastOptions::PowerRounding;
  if ((options.powerRounding == Rounding::Up && fraction != 0.5f) ||
      (options.powerRounding == Rounding::Nearest && fraction >= 0.75f))
    ++code;
  if (code > 254)
    return options.saturate ? 0xfe : 0xff;
  return static_cast<uint8_t>(std::max(code, 0));
}

uint8_t qllm::encodeMiniFloat(ElementType type, float value, CastOptions options) {
  if (type == ElementType::F8E8M0)
    return encodePower(value, options);
  if (const ElementFormat *format = formatOf(type))
    return format->encode(value, options.saturate ? Overflow::Saturate : Overflow::NonFinite);
  const llvm::fltSemantics &semantics = semanticsOf(type);
  if (options.saturate && !std::isnan(value)) {
    float largest = APFloat::getLargest(semantics).convertToFloat();
    value = std::min(std::max(value, -largest), largest);
  }
  APFloat converted(value);
  bool inexact;
  converted.convert(semantics, APFloat::rmNearestTiesToEven, &inexact);
  return static_cast<uint8_t>(converted.bitcastToAPInt().getZExtValue());
}
