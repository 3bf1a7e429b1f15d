// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a row of floats to codes: the formulas of qllm.quantize.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_ROWQUANTIZER_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_ROWQUANTIZER_H

#include "FloatRow.h"

namespace qllm {

/// Where the results of a row go, and how its range becomes parameters.
struct RowQuantization {
  Buffer codes, scales, zeroPoints, sums, roundingOffsets;
  bool includesZero;
  float clip;
};

/// Quantizes the row and stores all that belongs to it.
void emitRowQuantizer(CodeBuilder &code, RowThreads &threads, const kernels::QuantizeKernel &kernel,
                      FloatRow &row, const RowQuantization &quantization);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_ROWQUANTIZER_H
