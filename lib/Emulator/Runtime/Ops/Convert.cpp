// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// 4-, 6- and 8-bit floats.

#include "qllm/Emulator/Runtime/Ops/Convert.h"

#include <cmath>

using namespace qllm;
using namespace qllm::emu;

uint32_t qllm::emu::encodeSmall(const ElementFormat &format, float value) {
  return std::isnan(value) ? (1u << (format.bits() - 1)) - 1 : format.encode(value);
}
