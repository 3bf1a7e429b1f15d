// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 4-, 6- and 8-bit floats, and powers of two.

#include "qllm/Emulator/Runtime/Ops/Convert.h"

#include <algorithm>
#include <cmath>

using namespace qllm;
using namespace qllm::emu;

uint32_t qllm::emu::encodeSmall(const ElementFormat &format, float value) {
  return std::isnan(value) ? (1u << (format.bits() - 1)) - 1 : format.encode(value);
}

uint32_t qllm::emu::encodePower(float value, bool up, bool saturate) {
  const uint32_t largest = 254, nan = 255;
  float magnitude = std::fabs(value);
  if (std::isnan(magnitude))
    return nan;
  if (magnitude == 0)
    return 0;
  if (std::isinf(magnitude))
    return saturate ? largest : nan;
  int exponent = std::ilogb(magnitude);
  if (up && magnitude > std::ldexp(1.0f, exponent))
    ++exponent;
  if (exponent > 127)
    return saturate ? largest : nan;
  return uint32_t(std::max(exponent, -127) + 127);
}
