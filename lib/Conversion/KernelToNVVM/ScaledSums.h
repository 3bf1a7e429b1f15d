// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Sums of block-scaled products.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDSUMS_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDSUMS_H

#include "Accumulators.h"
#include "qllm/Kernels/BlockScaledKernel.h"

namespace qllm {

/// f32 sums that tensor instructions scale block by block. After the sums, the loop carries the
/// scales of the next tile, which are loaded a tile ahead from where they lie in global memory.
std::unique_ptr<Accumulators> accumulateScaled(CodeBuilder &code, const LinearPlace &place,
                                               const kernels::BlockScaledKernel &kernel,
                                               mlir::Value inputScales, mlir::Value weightScales,
                                               mlir::Value rows);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_SCALEDSUMS_H
