// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From sums to results: zero points, scales, bias, rounding, stores.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_EPILOGUE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_EPILOGUE_H

#include "LinearPlace.h"

namespace qllm {

/// Emits the epilogue. `sums` are those of the accumulators, in their order: integers, or floats
/// where weights have scales of groups; 2^scaleLog2 times the sums of products of codes.
void emitEpilogue(CodeBuilder &code, LinearPlace &place, const kernels::LinearKernel &kernel,
                  const LinearArguments &arguments, mlir::ValueRange sums, unsigned scaleLog2);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_EPILOGUE_H
