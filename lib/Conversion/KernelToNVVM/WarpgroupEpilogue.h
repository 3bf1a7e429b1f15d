// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From the sums of warpgroups to results.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPEPILOGUE_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPEPILOGUE_H

#include "LinearPlace.h"

namespace qllm {

/// As `emitEpilogue`, for tiles of which each warp has one whole side. `sums` are the words of a
/// warpgroup's accumulators; of transposed products rows and columns are exchanged.
void emitWarpgroupEpilogue(CodeBuilder &code, LinearPlace &place,
                           const kernels::LinearKernel &kernel, const LinearArguments &arguments,
                           mlir::ValueRange sums, unsigned scaleLog2);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_WARPGROUPEPILOGUE_H
