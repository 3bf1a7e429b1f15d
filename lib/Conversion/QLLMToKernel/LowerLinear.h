// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of quantized tensors.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H

#include "KernelSchedules.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Replaces products by kernels, one after the other; what several of them read is made once.
class LinearLowering {
public:
  explicit LinearLowering(SchedulePolicy policy) : policy(std::move(policy)) {}

  /// Whether the product became a kernel. `explanation` says why with this schedule, or why not.
  bool lower(LinearOp op, std::string &explanation);

  /// Removes quantized tensors that nobody reads any more.
  void removeUnused();

private:
  /// What kernels read of a quantized input.
  struct InputParts {
    mlir::Value codes, scales, zeroPoints, sums; ///< the last two null where inputs are symmetric
  };
  /// What kernels read of a weight.
  struct WeightParts {
    mlir::Value codes, scales, zeroPoints, sums;
  };

  std::string refusal(LinearOp op);
  InputParts inputParts(QuantizeOp op);
  mlir::Value inputSums(QuantizeOp op, mlir::Value codes);
  WeightParts weightParts(PackOp pack, const kernels::LinearKernel &kernel);

  SchedulePolicy policy;
  llvm::DenseMap<mlir::Operation *, InputParts> inputs;
  llvm::DenseMap<mlir::Operation *, mlir::Value> sums;
  llvm::DenseMap<mlir::Operation *, WeightParts> weights;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
