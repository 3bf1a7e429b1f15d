// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// From a row of floats to 4-bit floats with scales of blocks: the formulas of qllm.quantize.

#ifndef QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKQUANTIZER_H
#define QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKQUANTIZER_H

#include "FloatRow.h"

namespace qllm {

/// Where the results of a row go; `tensorScale` is null for 1.
struct BlockQuantization {
  Buffer codes, scales, tensorScale;
  float clip;
  mlir::Value rows; ///< of the matrix
};

/// The largest magnitude among the elements that a thread has, as the bits of a float.
mlir::Value largestMagnitude(CodeBuilder &code, llvm::ArrayRef<mlir::Value> elements);
/// A magnitude times `clip`, which is held below `limit`.
mlir::Value clippedMagnitude(CodeBuilder &code, mlir::Value magnitude, float clip, float limit);

/// Quantizes the row and stores its codes and scales; with the last row, zeros for the scales that
/// fill up its tile.
void emitBlockQuantizer(CodeBuilder &code, RowThreads &threads,
                        const kernels::QuantizeKernel &kernel, FloatRow &row,
                        const BlockQuantization &quantization);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_KERNELTONVVM_BLOCKQUANTIZER_H
