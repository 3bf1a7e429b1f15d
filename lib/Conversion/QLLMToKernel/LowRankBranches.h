// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Low-rank branches as two products with a quantization between them.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWRANKBRANCHES_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWRANKBRANCHES_H

#include "ConstantValues.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"

namespace qllm {

/// The products that a branch consists of: `wide` reads what `thin` gives.
struct BranchProducts {
  LinearOp thin, wide;

  explicit operator bool() const { return bool(thin); }
  /// Takes both away, and what was made for them.
  void erase();
};

/// Builds the products of `branch` in front of it, and leaves the branch itself. Factors become
/// integers of eight bits, unless they are that already; beside four-bit inputs those of the thin
/// product are two of four bits each, whose products are added. Behind a quantized input the result
/// of the thin product is quantized to eight bits, symmetric and by the range of each token. Behind
/// floats it is rounded to `half` (if that is not null), and the rank is filled up to what kernels
/// take. Null, with the reason in `explanation`, where a factor is no constant.
BranchProducts expandBranch(LowRankOp branch, mlir::FloatType half, ConstantValues &constants,
                            std::string &explanation);

/// Symmetric integers of eight bits with a scale for each row, which are packed.
bool isByteWeight(mlir::Value value);

/// Whether a tensor is quantized when the model runs to what a branch of a kernel reads: symmetric
/// integers of eight bits by the range of each token.
bool areBranchCodes(QuantizeOp op);

/// The product of a branch that is added to the result of `op` and nothing else, if a kernel can do
/// both: its weight has eight bits, and beside integers its input too. Null where there is none.
LinearOp branchBeside(LinearOp op);

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWRANKBRANCHES_H
