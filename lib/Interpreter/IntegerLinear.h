// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of quantized tensors whose elements are integers on both sides.

#ifndef QLLM_LIB_INTERPRETER_INTEGERLINEAR_H
#define QLLM_LIB_INTERPRETER_INTEGERLINEAR_H

#include "qllm/Interpreter/Quantized.h"

namespace qllm::interp {

/// out[r, n] = sum over k of real(x[r, k]) * real(w[n, k]) + bias[n], with the sum over each group
/// of common scales exact and rounded once; groups are added in f32 in their order. `bias` may be
/// null. Returns false, with nothing done, for operands that an exact product does not fit or does
/// not pay for.
bool integerLinear(ThreadPool &pool, const QuantizedTensor &x, const QuantizedTensor &w,
                   const float *bias, float *out);

} // namespace qllm::interp

#endif // QLLM_LIB_INTERPRETER_INTEGERLINEAR_H
