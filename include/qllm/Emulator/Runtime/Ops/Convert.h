// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Floats of 4 to 8 bits, as NVVM converts from and to them.

#ifndef QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H
#define QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H

#include "qllm/Format/ElementFormat.h"
#include <cstdint>

namespace qllm::emu {

/// cvt.rn.satfinite to a format of 4 to 8 bits with a sign: the nearest value, ties to even, past
/// the largest finite one that. A NaN loses its sign and becomes the format's NaN, or the largest
/// value where it has none: all ones below the sign, in every format.
uint32_t encodeSmall(const ElementFormat &format, float value);

/// cvt.rp or cvt.rz to ue8m0: the code of the power of two at or above the magnitude of `value`, or
/// at or below. What is too small gives the least power. What is too large gives the largest with
/// `saturate`, else the code of NaN; NaN always does.
uint32_t encodePower(float value, bool up, bool saturate);

} // namespace qllm::emu

#endif // QLLM_EMULATOR_RUNTIME_OPS_CONVERT_H
