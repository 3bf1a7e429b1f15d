// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Activations that become 4-bit floats when the model runs, with the operations in front of them.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZEBLOCKS_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZEBLOCKS_H

#include "ConstantValues.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "qllm/Kernels/Target.h"

namespace qllm {

/// What a product of such activations reads: codes as a matrix, scales in the order of kernels, and
/// the scale of the tensor as a vector of one, which is null where there is none.
struct QuantizedBlocks {
  mlir::Value codes, scales, tensorScale;

  explicit operator bool() const { return bool(codes); }
};

/// A qk.quantize_blocks in front of `op`, which makes NVFP4 or MXFP4 of a tensor by its own range,
/// and a qk.tensor_scale where its type has a scale of the tensor. Channel transforms and what only
/// this tensor comes from become part of them, as of a qk.quantize. Null where no kernel takes such
/// rows on all `targets`.
QuantizedBlocks lowerQuantizeBlocks(QuantizeOp op, ConstantValues &constants,
                                    llvm::ArrayRef<const kernels::Target *> targets);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERQUANTIZEBLOCKS_H
