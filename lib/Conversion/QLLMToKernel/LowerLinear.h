// Part of qllm, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Products of quantized tensors.

#ifndef QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
#define QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H

#include "ConstantValues.h"
#include "KernelSchedules.h"
#include "LowerQuantize.h"
#include "qllm/Dialect/QLLM/IR/QLLMOps.h"
#include "llvm/ADT/DenseMap.h"

namespace qllm {

/// Replaces products by kernels, one after the other; what several of them read is made once.
class LinearLowering {
public:
  /// With `fuse`, inputs are quantized by kernels too. Inputs that are floats are rounded to
  /// `half`; null leaves their products alone.
  LinearLowering(mlir::ModuleOp module, SchedulePolicy policy, bool fuse, mlir::FloatType half)
      : policy(std::move(policy)), fuse(fuse), half(half), constants(module) {}

  /// Whether the product became a kernel. `explanation` says why with this schedule, or why not.
  bool lower(LinearOp op, std::string &explanation);

  /// Removes quantized tensors that nobody reads any more.
  void removeUnused();

private:
  /// What kernels read of a weight.
  struct WeightParts {
    mlir::Value codes, scales, zeroPoints, sums;
  };

  bool lowerIntegers(LinearOp op, std::string &explanation);
  std::string refusal(LinearOp op);
  std::string paddingRefusal(LinearOp op, PackOp pack);
  QuantizedRows inputRows(QuantizeOp op, int64_t depth);
  WeightParts weightParts(PackOp pack, const kernels::LinearKernel &kernel);

  SchedulePolicy policy;
  bool fuse;
  mlir::FloatType half;
  ConstantValues constants;
  llvm::DenseMap<mlir::Operation *, QuantizedRows> inputs;
  llvm::DenseMap<mlir::Operation *, WeightParts> weights;
};

} // namespace qllm

#endif // QLLM_LIB_CONVERSION_QLLMTOKERNEL_LOWERLINEAR_H
