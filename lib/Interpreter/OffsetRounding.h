// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Codes of values whose channels have rounding offsets.

#ifndef QLLM_LIB_INTERPRETER_OFFSETROUNDING_H
#define QLLM_LIB_INTERPRETER_OFFSETROUNDING_H

#include "qllm/Format/Quantize.h"
#include "llvm/ADT/ArrayRef.h"

namespace qllm::interp {

/// clamp(round(x / s + o) + z) for integers, s being the scale times the tensor scale. Value i has
/// offset (first + i) modulo their number. Fails like `encodeGroup`.
FormatStatus encodeWithOffsets(const QuantizeSpec &spec, GroupParameters parameters,
                               float tensorScale, llvm::ArrayRef<float> values,
                               llvm::ArrayRef<float> offsets, size_t first, uint8_t *codes);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_OFFSETROUNDING_H
