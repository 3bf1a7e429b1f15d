// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of quantized tensors.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H

#include "ConstantValues.h"
#include "LinearChoice.h"
#include "LowRankBranches.h"
#include "LowerBlockScaled.h"
#include "LowerQuantize.h"
#include "WeightOperands.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SetVector.h"

namespace qllm {

/// Replaces products by kernels, one after the other; what several of them read is made once.
class LinearLowering {
public:
  /// With `fuse`, inputs are quantized by kernels too. Inputs that are floats are rounded to
  /// `half`; null leaves their products alone.
  LinearLowering(mlir::ModuleOp module, SchedulePolicy policy, bool fuse, mlir::FloatType half)
      : policy(std::move(policy)), fuse(fuse), half(half), constants(module),
        choice(this->policy, constants), blockScaled(this->policy, constants, fuse) {}

  /// Replaces a low-rank branch by two products, if there are kernels for both, and returns them;
  /// `lower` is to be asked for each: for the thin one before the product that the branch is added
  /// to, for the wide one after it, where it is still there.
  BranchProducts lowerBranch(LowRankOp op, std::string &explanation);

  /// Whether the product became a kernel, together with a low-rank branch that is added to it.
  /// `explanation` says why with this schedule, or why not.
  bool lower(LinearOp op, std::string &explanation);

  /// Finds principal parts that kernels may take off what they quantize; their wide products are
  /// branches.
  void findPrincipalParts(mlir::ModuleOp module);
  /// The products that a principal part is made by, of those that no kernel has taken.
  llvm::SmallVector<LinearOp> partProducts() const;

  /// The wide products of branches that no other product has taken.
  llvm::ArrayRef<mlir::Operation *> branches() const { return wides.getArrayRef(); }

  /// Removes quantized tensors that nobody reads any more.
  void removeUnused();

private:
  /// The four operands of a branch.
  struct BranchParts {
    mlir::Value input, inputScales, weight, weightScales;
  };

  bool hasKernel(LinearOp op, std::string &explanation);
  bool lowerIntegers(LinearOp op, std::string &explanation);
  bool lowerFloats(LinearOp op, std::string &explanation);
  ChosenSchedules chooseIntegers(LinearOp op);
  LinearOp wideBeside(LinearOp op);
  const CodeStorage &storageOf(QuantizeOp op);
  BranchParts branchParts(LinearOp wide, int64_t rank);
  QuantizedRows inputRows(QuantizeOp op, int64_t depth, bool inBytes);
  QuantizedRows interpretedRows(QuantizeOp op, int64_t depth, bool inBytes);

  SchedulePolicy policy;
  bool fuse;
  mlir::FloatType half;
  ConstantValues constants;
  LinearChoice choice;
  BlockScaledLowering blockScaled;
  llvm::SmallSetVector<mlir::Operation *, 4> wides, parts;
  llvm::DenseMap<mlir::Operation *, QuantizedRows> inputs;
  WeightOperands weights;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
